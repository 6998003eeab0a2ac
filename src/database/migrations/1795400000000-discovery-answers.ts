import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Cached discovery results. The table is unlogged: everything in it can be fetched again. */
export class DiscoveryAnswers1795400000000 implements MigrationInterface {
  name = 'DiscoveryAnswers1795400000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE UNLOGGED TABLE discovery_answer (
        key uuid PRIMARY KEY,
        answers bytea NOT NULL,
        made_at timestamptz NOT NULL
      )`);
    await runner.query('ALTER TABLE discovery_answer ALTER COLUMN answers SET STORAGE EXTERNAL');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE discovery_answer');
  }
}
