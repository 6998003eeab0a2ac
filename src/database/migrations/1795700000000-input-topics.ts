import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Jobs that records start: their record, and the queue in which jobs with the same key run one after the other. Positions in the input topics. */
export class InputTopics1795700000000 implements MigrationInterface {
  name = 'InputTopics1795700000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      ALTER TABLE bulk_job
        ADD COLUMN origin jsonb,
        ADD COLUMN queue text,
        ADD COLUMN queue_position bigint GENERATED ALWAYS AS IDENTITY,
        ADD COLUMN waits boolean NOT NULL DEFAULT false`);
    await runner.query(
      `CREATE INDEX bulk_job_queue ON bulk_job (queue, queue_position) WHERE queue IS NOT NULL AND status = 'IN_PROGRESS'`,
    );
    await runner.query(`
      CREATE TABLE trigger_position (
        group_id text NOT NULL,
        topic text NOT NULL,
        partition integer NOT NULL,
        first_offset bigint NOT NULL,
        next_offset bigint NOT NULL,
        newest_at timestamptz,
        PRIMARY KEY (group_id, topic, partition)
      )`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE trigger_position');
    await runner.query('DROP INDEX bulk_job_queue');
    await runner.query('ALTER TABLE bulk_job DROP COLUMN origin, DROP COLUMN queue, DROP COLUMN queue_position, DROP COLUMN waits');
  }
}
