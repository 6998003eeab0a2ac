import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Kept answers of discoveries. Unlogged like stored windows: all in it can be asked again. */
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
