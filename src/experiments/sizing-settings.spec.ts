import { defaultModels, defaultTerms, recommendationTypes } from '../recommendation/settings.js';
import { faultsOf, sizingSchema, sizingSettingsOf } from './sizing-settings.js';

/** Parses the settings of a document; throws its first fault. */
function read(document: object) {
  const read = sizingSchema.safeParse(document);
  if (read.success) return sizingSettingsOf(read.data);
  const [fault] = faultsOf(read.error);
  throw Object.assign(new Error(), fault);
}

const readTerms = (terms: unknown) => read({ term_settings: { terms } }).terms;
const readModels = (model_settings: unknown) => read({ model_settings }).models;
const readRecommendationTypes = (recommendation_types_config: unknown) => read({ recommendation_types_config }).types;
const readExtras = (recommendation_settings: unknown) => read({ recommendation_settings }).extras;

describe('terms', () => {
  it.each([[undefined], [null], [[]]])('uses the three default terms for %j', (terms) => {
    expect(readTerms(terms)).toEqual(defaultTerms);
  });

  it.each([
    [['short'], ['short_term']],
    [['short_term'], ['short_term']],
    [
      ['LONG', 'Short'],
      ['short_term', 'long_term'],
    ],
    [['medium', 'medium_term'], ['medium_term']],
  ])('reads the words %j, shortest term first and without duplicates', (words, names) => {
    expect(readTerms(words).map(({ name }) => name)).toEqual(names);
  });

  it('reads a custom term, which has no notification at the timestamp level', () => {
    const sprint = { name: 'sprint', duration_in_days: 10, duration_threshold_in_hours: 36, plots_datapoints: 5 };

    expect(readTerms(['long', sprint, 'short'])).toEqual([
      defaultTerms[0],
      { name: 'sprint', days: 10, minimum: { minutes: 36 * 60 }, plotBins: 5 },
      defaultTerms[2],
    ]);
  });

  it('defaults to 70 percent of the time and one bin per day', () => {
    expect(readTerms([{ name: 'sprint', duration_in_days: 10 }])).toEqual([
      { name: 'sprint', days: 10, minimum: { minutes: 0.7 * 10 * 24 * 60 }, plotBins: 10 },
    ]);
  });

  const own = { name: 'own', duration_in_days: 3 };

  it.each([
    ['short', 'term_settings.terms', 'expected a list'],
    [['weekly'], 'term_settings.terms.0', 'unknown term "weekly"'],
    [['short', 7], 'term_settings.terms.1', 'expected an object'],
    [[{ ...own, name: '__proto__' }], 'term_settings.terms.0.name', 'expected a name'],
    [[{ ...own, duration_in_days: 0 }], 'term_settings.terms.0.duration_in_days', 'above 0'],
    [[{ ...own, duration_in_days: '3' }], 'term_settings.terms.0.duration_in_days', 'above 0'],
    [[{ name: 'own' }], 'term_settings.terms.0.duration_in_days', 'above 0'],
    [[{ ...own, duration_threshold_in_hours: 73 }], 'term_settings.terms.0.duration_threshold_in_hours', "from 0 to the term's length"],
    [[{ ...own, plots_datapoints: 1.5 }], 'term_settings.terms.0.plots_datapoints', 'whole number'],
    [[{ ...own, plot_datapoints: 1 }], 'term_settings.terms.0.plot_datapoints', 'Unrecognized field'],
    [[own, { ...own, duration_in_days: 4 }], 'term_settings.terms.1', 'another term is named "own"'],
  ])('rejects %j and names the field', (terms, field, fault) => {
    expect(() => readTerms(terms)).toThrow(expect.objectContaining({ field, message: expect.stringContaining(fault) }));
  });

  it('accepts the maximum and the minimum of each field', () => {
    const limits = { name: 'own', duration_in_days: 365, duration_threshold_in_hours: 365 * 24, plots_datapoints: 1000 };

    expect(readTerms([limits])).toEqual([{ name: 'own', days: 365, minimum: { minutes: 365 * 24 * 60 }, plotBins: 1000 }]);
    expect(readTerms([{ ...own, duration_threshold_in_hours: 0, plots_datapoints: 0 }])).toEqual([
      { name: 'own', days: 3, minimum: { minutes: 0 }, plotBins: 0 },
    ]);
  });

  const many = (count: number, plots_datapoints: number) =>
    Array.from({ length: count }, (_, at) => ({ name: `own ${at}`, duration_in_days: at + 1, plots_datapoints }));

  it('accepts at most 20 terms; repeated words count once', () => {
    expect(readTerms(many(20, 0))).toHaveLength(20);
    expect(readTerms([...many(18, 0), 'short', 'short_term', 'Short', 'long'])).toHaveLength(20);
    expect(() => readTerms([...many(20, 0), 'short'])).toThrow(
      expect.objectContaining({ field: 'term_settings.terms', message: expect.stringContaining('at most 20 terms') }),
    );
  });

  it('accepts at most 2,000 plot bins in all terms together, defaults included', () => {
    expect(readTerms(many(20, 100))).toHaveLength(20);
    const year = { name: 'year', duration_in_days: 365 };
    const fault = (count: number) =>
      expect.objectContaining({
        field: 'term_settings.terms',
        message: expect.stringContaining(`at most 2000 plots_datapoints in all terms together, got ${count}.`),
      });
    expect(() => readTerms([...many(19, 100), { name: 'one more', duration_in_days: 1, plots_datapoints: 101 }])).toThrow(fault(2_001));
    expect(() => readTerms([...many(2, 1_000), year])).toThrow(fault(2_365));
  });
});

describe('models', () => {
  it.each([[undefined], [null], [{}], [{ models: [] }], [{ models: ['cost', 'performance'] }]])(
    'uses cost and performance for %j',
    (settings) => {
      expect(readModels(settings)).toEqual(defaultModels);
    },
  );

  it('counts names that differ in case only once', () => {
    expect(readModels({ models: ['Performance', 'performance'] })).toEqual([defaultModels[1]]);
  });

  it('reads a custom model beside a known one', () => {
    const model_tunables = { Balance: { cpu_percentile: 80, memory_percentile: 95, accelerator_percentile: 50 } };

    expect(readModels({ models: ['cost', 'Balance', 'balance'], model_tunables })).toEqual([
      defaultModels[0],
      { name: 'Balance', cpuPercentile: 80, memoryPercentile: 95, acceleratorPercentile: 50, notice: 112103 },
    ]);
  });

  it('uses the CPU percentile for accelerators by default', () => {
    const model_tunables = { balance: { cpu_percentile: 80, memory_percentile: 95 } };

    expect(readModels({ models: ['balance'], model_tunables })[0]).toMatchObject({ acceleratorPercentile: 80 });
  });

  const tuned = (tunables: object) => ({ models: ['balance'], model_tunables: { balance: tunables } });

  it.each([
    [[], 'model_settings', 'expected an object'],
    [{ model: ['cost'] }, 'model_settings.model', 'Unrecognized field'],
    [{ models: 'cost' }, 'model_settings.models', 'expected a list'],
    [{ models: [1] }, 'model_settings.models.0', 'expected a text'],
    [{ models: ['cost', 'balance'] }, 'model_settings.models.1', 'Recommendation Tunables cannot be null'],
    [{ models: ['toString'], model_tunables: {} }, 'model_settings.models.0', 'Recommendation Tunables cannot be null'],
    [tuned({ memory_percentile: 95 }), 'model_settings.model_tunables.balance.cpu_percentile', 'a percentile'],
    [tuned({ cpu_percentile: 101, memory_percentile: 95 }), 'model_settings.model_tunables.balance.cpu_percentile', 'a percentile'],
    [tuned({ cpu_percentile: 80, memory_percentile: 0 }), 'model_settings.model_tunables.balance.memory_percentile', 'a percentile'],
    [tuned({ cpu_percentile: 80, memory_percentile: 95, cpu: 80 }), 'model_settings.model_tunables.balance.cpu', 'Unrecognized field'],
  ])('rejects %j and names the field', (settings, field, fault) => {
    expect(() => readModels(settings)).toThrow(expect.objectContaining({ field, message: expect.stringContaining(fault) }));
  });

  it('accepts a percentile of 100', () => {
    expect(readModels(tuned({ cpu_percentile: 100, memory_percentile: 100 }))[0]).toMatchObject({
      cpuPercentile: 100,
      memoryPercentile: 100,
    });
  });

  it('accepts at most 20 models; repeated names count once', () => {
    const names = Array.from({ length: 19 }, (_, at) => `own ${at}`);
    const model_tunables = Object.fromEntries(names.map((name) => [name, { cpu_percentile: 80, memory_percentile: 95 }]));
    expect(readModels({ models: [...names, 'cost', 'Cost'], model_tunables })).toHaveLength(20);
    expect(() => readModels({ models: [...names, 'cost', 'performance'], model_tunables })).toThrow(
      expect.objectContaining({
        field: 'model_settings.models',
        message: expect.stringContaining('at most 20 models'),
      }),
    );
  });
});

describe('recommendation types', () => {
  it.each([[undefined], [null], [{}], [{ resources: [], runtimes: [], accelerators: [] }]])('computes everything for %j', (config) => {
    expect(readRecommendationTypes(config)).toEqual(recommendationTypes);
  });

  it('computes only the listed types', () => {
    expect(readRecommendationTypes({ resources: ['CPU'], runtimes: ['quarkus'] })).toEqual({
      resources: ['cpu'],
      runtimes: ['quarkus'],
      accelerators: ['gpu'],
    });
  });

  it.each([
    [{ resources: ['disk'] }, 'recommendation_types_config.resources.0'],
    [{ runtimes: 'hotspot' }, 'recommendation_types_config.runtimes'],
    [{ resource: ['cpu'] }, 'recommendation_types_config.resource'],
  ])('rejects %j', (config, field) => {
    expect(() => readRecommendationTypes(config)).toThrow(expect.objectContaining({ field }));
  });
});

describe('extras', () => {
  it.each([
    [[], 'recommendation_settings'],
    [{ oom: 'yes' }, 'recommendation_settings.oom'],
    [{ hpa: 'maybe' }, 'recommendation_settings.hpa'],
    [{ ooom: true }, 'recommendation_settings.ooom'],
    [{ bounds: { gpu: {} } }, 'recommendation_settings.bounds.gpu'],
    [{ bounds: { cpu: { min: 0 } } }, 'recommendation_settings.bounds.cpu.min'],
    [{ bounds: { cpu: { min: 2, max: 1 } } }, 'recommendation_settings.bounds.cpu.min'],
    [{ bounds: { memory: { step: '1Mi' } } }, 'recommendation_settings.bounds.memory.step'],
    [{ change_threshold_percent: -1 }, 'recommendation_settings.change_threshold_percent'],
    [{ confidence: 1 }, 'recommendation_settings.confidence'],
  ])('rejects %j and names %s', (settings, field) => {
    expect(() => readExtras(settings)).toThrow(expect.objectContaining({ field }));
  });

  it('accepts the largest values', () => {
    const settings = { bounds: { memory: { max: 1e18 } }, change_threshold_percent: 1_000 };
    expect(readExtras(settings)).toMatchObject({ bounds: settings.bounds, changeThresholdPercent: 1_000 });
    expect(readExtras({ bounds: { cpu: { min: 1, max: 1 } } })).toMatchObject({ bounds: { cpu: { min: 1, max: 1 } } });
  });
});

/** Hostile settings must not block the event loop. The tests count what is read, because times differ between machines. */
describe('large settings', () => {
  it('reads no model after the first that is too many', () => {
    let reads = 0;
    const own = {
      cpu_percentile: 80,
      get memory_percentile() {
        reads++;
        return 95;
      },
    };
    const models = Array.from({ length: 9_000 }, (_, at) => `own ${at}`);
    const model_tunables = Object.fromEntries(models.map((name) => [name, own]));
    expect(() => readModels({ models, model_tunables })).toThrow(expect.objectContaining({ field: 'model_settings.models' }));
    expect(reads).toBeLessThan(100);
  });

  it('reads no term after the first that is too many', () => {
    let reads = 0;
    const terms = Array.from({ length: 9_000 }, (_, at) => ({
      name: `own ${at}`,
      get duration_in_days() {
        reads++;
        return 1;
      },
    }));
    expect(() => readTerms(terms)).toThrow(expect.objectContaining({ field: 'term_settings.terms' }));
    expect(reads).toBeLessThan(100);
  });

  it('reports the first unknown members of an object', () => {
    const many = Object.fromEntries(Array.from({ length: 5_000 }, (_, at) => [`x${at}`, 1]));
    const { error } = sizingSchema.safeParse({ recommendation_settings: many });
    expect(faultsOf(error!)).toHaveLength(19);
  });
});
