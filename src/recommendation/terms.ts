import { isGiven, type JsonValue, listOf, member, nameOf, numberOf, objectOf } from './json-value.js';
import type { NotificationCode } from './notifications.js';
import { RecommendationInputError } from './recommendation-input-error.js';

/** A stretch of time that ends at the last interval, for which recommendations are made. */
export interface Term {
  /** Key in the answer. */
  readonly name: string;
  readonly days: number;
  /** Least observed time: as a number of intervals (it scales with their length, E32) or in minutes. */
  readonly least: { readonly intervals: number } | { readonly minutes: number };
  /** Bins of the plots; 0 = no plots. */
  readonly plotBins: number;
  /** Told at the timestamp level when the term is available; terms of the caller's own have none. */
  readonly notice?: NotificationCode;
}

/** Terms that a word asks for (recommendations.md 0). */
export const termTable = {
  short: { name: 'short_term', days: 1, least: { intervals: 2 }, plotBins: 4, notice: 111101 },
  medium: { name: 'medium_term', days: 7, least: { intervals: 192 }, plotBins: 7, notice: 111102 },
  long: { name: 'long_term', days: 15, least: { intervals: 768 }, plotBins: 15, notice: 111103 },
} as const satisfies Record<string, Term>;

export const defaultTerms: readonly Term[] = Object.values(termTable);

/** Least observed part of a term where its definition names none, as in Kruize's terms customization. */
const defaultLeastPart = 0.7;
/** Bounds of a request: each experiment's recommendation has a part for each term, with its plots. */
const maxTerms = 20;
const maxPlotBins = 2_000;
const customFields = ['name', 'duration_in_days', 'duration_threshold_in_hours', 'plots_datapoints'];

/**
 * Terms from `term_settings.terms`: words (`short`, `short_term`, any case) and definitions
 * `{name, duration_in_days, duration_threshold_in_hours, plots_datapoints}`; absent or empty = the default three.
 * Shortest first. Throws a RecommendationInputError for anything else, for two different terms of one name and for more than the bounds.
 */
export function readTerms(terms: unknown, field = 'term_settings.terms'): readonly Term[] {
  if (terms === undefined || terms === null) return defaultTerms;
  const read = new Map<string, Term>();
  for (const item of listOf({ field, value: terms })) {
    const term = typeof item.value === 'string' ? termOfWord(item) : customTerm(item);
    const before = read.get(term.name);
    if (before && before !== term) throw new RecommendationInputError(item.field, `another term is named "${term.name}" too`);
    read.set(term.name, term);
    if (read.size > maxTerms) throw new RecommendationInputError(field, `expected at most ${maxTerms} terms`);
  }
  const plotBins = [...read.values()].reduce((sum, term) => sum + term.plotBins, 0);
  if (plotBins > maxPlotBins) {
    throw new RecommendationInputError(
      field,
      `expected at most ${maxPlotBins} plots_datapoints in all terms together, got ${plotBins}. Use fewer; a term without plots_datapoints has one per day`,
    );
  }
  return read.size === 0 ? defaultTerms : [...read.values()].sort((one, other) => one.days - other.days);
}

function termOfWord({ field, value }: JsonValue): Term {
  const word = String(value).toLowerCase();
  const term = Object.entries(termTable).find(([short, { name }]) => word === short || word === name);
  if (term) return term[1];
  const words = Object.keys(termTable).join(', ');
  throw new RecommendationInputError(
    field,
    `unknown term "${String(value)}"; expected one of ${words} or a definition with name and duration_in_days`,
  );
}

function customTerm(json: JsonValue): Term {
  const object = objectOf(json, customFields);
  const of = (name: string) => member(object, json.field, name);
  const days = numberOf(of('duration_in_days'), 'a number of days above 0, at most 365', (number) => number > 0 && number <= 365);
  const hours = of('duration_threshold_in_hours');
  const bins = of('plots_datapoints');
  const isPossible = (number: number) => number >= 0 && number <= days * 24;
  const leastHours = isGiven(hours)
    ? numberOf(hours, "a number of hours from 0 to the term's length", isPossible)
    : days * 24 * defaultLeastPart;
  const isCount = (number: number) => Number.isInteger(number) && number >= 0 && number <= 1000;
  return {
    name: nameOf(of('name')),
    days,
    least: { minutes: leastHours * 60 },
    plotBins: isGiven(bins) ? numberOf(bins, 'a whole number from 0 to 1000', isCount) : Math.ceil(days),
  };
}
