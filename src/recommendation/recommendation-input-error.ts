/** What a caller handed to the engine cannot be used. `field` is the path of the faulty value, such as `term_settings.terms.1.duration_in_days`. */
export class RecommendationInputError extends Error {
  constructor(
    readonly field: string,
    readonly fault: string,
  ) {
    super(field === '' ? fault : `${field}: ${fault}`);
    this.name = 'RecommendationInputError';
  }
}
