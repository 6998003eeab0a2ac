import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Leases of all steps in one table, so that discovery and publication are leased like shards. Jobs and shards name their datasources, so that a free
 * worker can skip those that do not respond. See docs/decisions/0015-leases-in-one-table.md.
 */
export class Attempts1795500000000 implements MigrationInterface {
  name = 'Attempts1795500000000';

  async up(runner: QueryRunner): Promise<void> {
    // A lease is renewed every second. Free space in the page lets renewals update the row without a new index entry.
    await runner.query(`
      CREATE TABLE attempt (
        job_id uuid NOT NULL REFERENCES bulk_job (id) ON DELETE CASCADE,
        step text NOT NULL,
        shard integer NOT NULL,
        fence integer NOT NULL,
        count integer NOT NULL,
        held_until timestamptz,
        not_before timestamptz,
        last_error text,
        PRIMARY KEY (job_id, step, shard)
      ) WITH (fillfactor = 60)`);
    await runner.query(`ALTER TABLE bulk_job ADD COLUMN datasources text[] NOT NULL DEFAULT '{}'`);
    await runner.query('ALTER TABLE bulk_job DROP CONSTRAINT bulk_job_publication_check');
    await runner.query(
      `ALTER TABLE bulk_job ADD CONSTRAINT bulk_job_publication_check CHECK (publication IN ('off', 'pending', 'published', 'failed'))`,
    );
    await runner.query(`ALTER TABLE shard ADD COLUMN datasource text NOT NULL DEFAULT ''`);
    await runner.query(`UPDATE shard SET datasource = experiments -> 0 ->> 'datasource' WHERE state = 'planned'`);
    await runner.query('ALTER TABLE shard DROP COLUMN attempt, DROP COLUMN last_error');
    await runner.query('DROP INDEX shard_planned');
    await runner.query(`CREATE INDEX shard_planned ON shard (job_id, number) WHERE state = 'planned'`);
    await runner.query(`CREATE INDEX shard_recommended ON shard (job_id, number) WHERE state = 'recommended'`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP INDEX shard_recommended');
    await runner.query('DROP INDEX shard_planned');
    await runner.query(`CREATE INDEX shard_planned ON shard (job_id) WHERE state = 'planned'`);
    await runner.query(
      'ALTER TABLE shard ADD COLUMN attempt integer NOT NULL DEFAULT 0, ADD COLUMN last_error text, DROP COLUMN datasource',
    );
    await runner.query(`UPDATE bulk_job SET publication = 'published' WHERE publication = 'failed'`);
    await runner.query('ALTER TABLE bulk_job DROP CONSTRAINT bulk_job_publication_check');
    await runner.query(
      `ALTER TABLE bulk_job ADD CONSTRAINT bulk_job_publication_check CHECK (publication IN ('off', 'pending', 'published'))`,
    );
    await runner.query('ALTER TABLE bulk_job DROP COLUMN datasources');
    await runner.query('DROP TABLE attempt');
  }
}
