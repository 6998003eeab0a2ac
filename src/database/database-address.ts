/** Where PostgreSQL is, for threads that make connections of their own. */
export class DatabaseAddress {
  /** `postgres://…`, with the password. */
  constructor(readonly url: string) {}
}
