import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Topics that have a shard's records, so that a retry because of a refused topic does not send them to the others again. */
export class SentTopics1795600000000 implements MigrationInterface {
  name = 'SentTopics1795600000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE shard ADD COLUMN sent_topics text[] NOT NULL DEFAULT '{}'`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE shard DROP COLUMN sent_topics');
  }
}
