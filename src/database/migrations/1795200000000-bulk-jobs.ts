import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Tables of jobs, shards, outcomes and experiments. Names sort bytewise, so that pages are stable. */
export class BulkJobs1795200000000 implements MigrationInterface {
  name = 'BulkJobs1795200000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE bulk_job (
        id uuid PRIMARY KEY,
        request jsonb NOT NULL,
        request_hash text NOT NULL,
        dedupe_key text UNIQUE,
        status text NOT NULL CHECK (status IN ('IN_PROGRESS', 'COMPLETED', 'FAILED')),
        total_experiments integer NOT NULL DEFAULT 0,
        notifications jsonb NOT NULL DEFAULT '{}',
        publication text NOT NULL CHECK (publication IN ('off', 'pending', 'published')),
        webhook jsonb,
        usage_end timestamptz NOT NULL,
        started_at timestamptz NOT NULL,
        planned_at timestamptz,
        deadline_at timestamptz,
        ended_at timestamptz,
        metadata jsonb
      )`);
    await runner.query(`CREATE INDEX bulk_job_in_progress ON bulk_job (started_at) WHERE status = 'IN_PROGRESS'`);
    await runner.query(`CREATE INDEX bulk_job_to_publish ON bulk_job (started_at) WHERE publication = 'pending'`);
    await runner.query(`CREATE INDEX bulk_job_to_notify ON bulk_job (ended_at) WHERE webhook ->> 'status' = 'IN_PROGRESS'`);
    await runner.query('CREATE INDEX bulk_job_ended ON bulk_job (ended_at)');
    await runner.query('CREATE INDEX bulk_job_by_start ON bulk_job (started_at DESC, id DESC)');
    await runner.query(`
      CREATE TABLE shard (
        job_id uuid NOT NULL REFERENCES bulk_job (id) ON DELETE CASCADE,
        number integer NOT NULL,
        experiments jsonb,
        state text NOT NULL CHECK (state IN ('planned', 'recommended', 'published')),
        attempt integer NOT NULL DEFAULT 0,
        experiment_count integer NOT NULL,
        existing_count integer NOT NULL,
        failed_count integer NOT NULL DEFAULT 0,
        publish_failed_count integer NOT NULL DEFAULT 0,
        processed_so_far integer NOT NULL DEFAULT 0,
        planned_at timestamptz NOT NULL,
        recommended_at timestamptz,
        published_at timestamptz,
        last_error text,
        PRIMARY KEY (job_id, number)
      )`);
    await runner.query(`CREATE INDEX shard_planned ON shard (job_id) WHERE state = 'planned'`);
    await runner.query(`
      CREATE TABLE outcome (
        job_id uuid NOT NULL REFERENCES bulk_job (id) ON DELETE CASCADE,
        experiment_name text COLLATE "C" NOT NULL,
        shard_number integer NOT NULL,
        experiment jsonb NOT NULL,
        existed boolean NOT NULL,
        status text NOT NULL CHECK (status IN ('PROCESSED', 'FAILED')),
        notifications jsonb,
        recommendation bytea,
        publish_error text,
        PRIMARY KEY (job_id, experiment_name)
      )`);
    await runner.query('ALTER TABLE outcome ALTER COLUMN recommendation SET STORAGE EXTERNAL');
    await runner.query('CREATE INDEX outcome_of_shard ON outcome (job_id, shard_number)');
    await runner.query(`
      CREATE TABLE experiment (
        name text COLLATE "C" PRIMARY KEY,
        definition jsonb NOT NULL,
        created_at timestamptz NOT NULL,
        last_seen_at timestamptz NOT NULL
      )`);
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const table of ['experiment', 'outcome', 'shard', 'bulk_job']) await runner.query(`DROP TABLE ${table}`);
  }
}
