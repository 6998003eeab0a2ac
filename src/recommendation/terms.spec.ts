import { RecommendationInputError } from './recommendation-input-error.js';
import { defaultTerms, readTerms } from './terms.js';

it.each([[undefined], [null], [[]]])('takes the three terms where %j are asked', (terms) => {
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
])('reads the words %j, shortest first and each once', (words, names) => {
  expect(readTerms(words).map(({ name }) => name)).toEqual(names);
});

it("reads a term of the caller's own, which has no notification at the timestamp level", () => {
  const sprint = { name: 'sprint', duration_in_days: 10, duration_threshold_in_hours: 36, plots_datapoints: 5 };

  expect(readTerms(['long', sprint, 'short'])).toEqual([
    defaultTerms[0],
    { name: 'sprint', days: 10, least: { minutes: 36 * 60 }, plotBins: 5 },
    defaultTerms[2],
  ]);
});

it('asks for 70 percent of the time and plots a bin a day where a term names neither', () => {
  expect(readTerms([{ name: 'sprint', duration_in_days: 10 }])).toEqual([
    { name: 'sprint', days: 10, least: { minutes: 0.7 * 10 * 24 * 60 }, plotBins: 10 },
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
  [[{ ...own, plot_datapoints: 1 }], 'term_settings.terms.0.plot_datapoints', 'unknown field'],
  [[own, { ...own, duration_in_days: 4 }], 'term_settings.terms.1', 'another term is named "own"'],
])('refuses %j and names the field', (terms, field, fault) => {
  expect(() => readTerms(terms)).toThrow(
    expect.objectContaining({ constructor: RecommendationInputError, field, message: expect.stringContaining(fault) }),
  );
});

it('takes the largest and the smallest of each field', () => {
  const limits = { name: 'own', duration_in_days: 365, duration_threshold_in_hours: 365 * 24, plots_datapoints: 1000 };

  expect(readTerms([limits])).toEqual([{ name: 'own', days: 365, least: { minutes: 365 * 24 * 60 }, plotBins: 1000 }]);
  expect(readTerms([{ ...own, duration_threshold_in_hours: 0, plots_datapoints: 0 }])).toEqual([
    { name: 'own', days: 3, least: { minutes: 0 }, plotBins: 0 },
  ]);
});

const many = (count: number, plots_datapoints: number) =>
  Array.from({ length: count }, (_, at) => ({ name: `own ${at}`, duration_in_days: at + 1, plots_datapoints }));

it('takes at most 20 terms, where the same word counts once', () => {
  expect(readTerms(many(20, 0))).toHaveLength(20);
  expect(readTerms([...many(18, 0), 'short', 'short_term', 'Short', 'long'])).toHaveLength(20);
  expect(() => readTerms([...many(20, 0), 'short'])).toThrow(
    expect.objectContaining({ field: 'term_settings.terms', message: expect.stringContaining('at most 20 terms') }),
  );
});

it('takes at most 2,000 bins of plots in all terms together, also where a term names none', () => {
  expect(readTerms(many(20, 100))).toHaveLength(20);
  const year = { name: 'year', duration_in_days: 365 };
  const fault = (count: number) =>
    expect.objectContaining({
      constructor: RecommendationInputError,
      field: 'term_settings.terms',
      message: expect.stringContaining(`at most 2000 plots_datapoints in all terms together, got ${count}.`),
    });
  expect(() => readTerms([...many(19, 100), { name: 'one more', duration_in_days: 1, plots_datapoints: 101 }])).toThrow(fault(2_001));
  expect(() => readTerms([...many(2, 1_000), year])).toThrow(fault(2_365));
});
