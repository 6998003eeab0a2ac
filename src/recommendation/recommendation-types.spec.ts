import { readRecommendationTypes, recommendationTypes } from './settings.js';

it.each([[undefined], [null], [{}], [{ resources: [], runtimes: [], accelerators: [] }]])(
  'computes everything where %j is asked',
  (config) => {
    expect(readRecommendationTypes(config)).toEqual(recommendationTypes);
  },
);

it('computes only what a list names', () => {
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
])('refuses %j', (config, field) => {
  expect(() => readRecommendationTypes(config)).toThrow(expect.objectContaining({ field }));
});
