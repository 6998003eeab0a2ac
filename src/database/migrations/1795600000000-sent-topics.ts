import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Where one topic is refused, the others get their records of a shard once, not again with each attempt. */
export class SentTopics1795600000000 implements MigrationInterface {
  name = 'SentTopics1795600000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE shard ADD COLUMN sent_topics text[] NOT NULL DEFAULT '{}'`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE shard DROP COLUMN sent_topics');
  }
}
