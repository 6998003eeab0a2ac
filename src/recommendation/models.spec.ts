import { defaultModels, readModels } from './models.js';
import { RecommendationInputError } from './recommendation-input-error.js';

it.each([[undefined], [null], [{}], [{ models: [] }], [{ models: ['cost', 'performance'] }]])(
  'takes cost and performance where %j is asked',
  (settings) => {
    expect(readModels(settings)).toEqual(defaultModels);
  },
);

it('counts names that differ in case only once', () => {
  expect(readModels({ models: ['Performance', 'performance'] })).toEqual([defaultModels[1]]);
});

it("reads a model of the caller's own beside a known one", () => {
  const model_tunables = { Balance: { cpu_percentile: 80, memory_percentile: 95, accelerator_percentile: 50 } };

  expect(readModels({ models: ['cost', 'Balance', 'balance'], model_tunables })).toEqual([
    defaultModels[0],
    { name: 'Balance', cpuPercentile: 80, memoryPercentile: 95, acceleratorPercentile: 50, notice: 112103 },
  ]);
});

it('uses the CPU percentile for accelerators where none is given', () => {
  const model_tunables = { balance: { cpu_percentile: 80, memory_percentile: 95 } };

  expect(readModels({ models: ['balance'], model_tunables })[0]).toMatchObject({ acceleratorPercentile: 80 });
});

const tuned = (tunables: object) => ({ models: ['balance'], model_tunables: { balance: tunables } });

it.each([
  [[], 'model_settings', 'expected an object'],
  [{ model: ['cost'] }, 'model_settings.model', 'unknown field'],
  [{ models: 'cost' }, 'model_settings.models', 'expected a list'],
  [{ models: [1] }, 'model_settings.models.0', 'expected a text'],
  [{ models: ['cost', 'balance'] }, 'model_settings.models.1', 'Recommendation Tunables cannot be null'],
  [{ models: ['toString'], model_tunables: {} }, 'model_settings.models.0', 'Recommendation Tunables cannot be null'],
  [tuned({ memory_percentile: 95 }), 'model_settings.model_tunables.balance.cpu_percentile', 'a percentile'],
  [tuned({ cpu_percentile: 101, memory_percentile: 95 }), 'model_settings.model_tunables.balance.cpu_percentile', 'a percentile'],
  [tuned({ cpu_percentile: 80, memory_percentile: 0 }), 'model_settings.model_tunables.balance.memory_percentile', 'a percentile'],
  [tuned({ cpu: 80 }), 'model_settings.model_tunables.balance.cpu', 'unknown field'],
])('refuses %j and names the field', (settings, field, fault) => {
  expect(() => readModels(settings)).toThrow(
    expect.objectContaining({ constructor: RecommendationInputError, field, message: expect.stringContaining(fault) }),
  );
});

it('takes at most 20 models, where the same name counts once', () => {
  const names = Array.from({ length: 19 }, (_, at) => `own ${at}`);
  const model_tunables = Object.fromEntries(names.map((name) => [name, { cpu_percentile: 80, memory_percentile: 95 }]));
  expect(readModels({ models: [...names, 'cost', 'Cost'], model_tunables })).toHaveLength(20);
  expect(() => readModels({ models: [...names, 'cost', 'performance'], model_tunables })).toThrow(
    expect.objectContaining({
      constructor: RecommendationInputError,
      field: 'model_settings.models',
      message: expect.stringContaining('at most 20 models'),
    }),
  );
});
