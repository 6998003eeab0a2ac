import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';

/** Tells whether PostgreSQL answers. */
@Injectable()
export class DatabaseProbe {
  constructor(private readonly database: DataSource) {}

  /** Why PostgreSQL cannot be used now; undefined when it can. */
  async trouble(): Promise<string | undefined> {
    return this.database.query('SELECT 1').then(
      () => undefined,
      (error) => `PostgreSQL: ${error.message}`,
    );
  }
}
