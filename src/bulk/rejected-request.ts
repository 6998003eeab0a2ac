/** A request that cannot be served; nothing was stored. The message names the faulty fields. `status` is the HTTP status of the response. */
export class RejectedRequest extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
    this.name = 'RejectedRequest';
  }
}
