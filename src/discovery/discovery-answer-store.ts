import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';

/** Answers beyond these, the oldest first, are forgotten: each is of one day, one datasource and one filter. */
const mostAnswers = 200;

/** Packed answers of discoveries in PostgreSQL. */
@Injectable()
export class DiscoveryAnswerStore {
  constructor(private readonly database: DataSource) {}

  async load(key: string): Promise<Buffer | undefined> {
    const rows: { answers: Buffer }[] = await this.database.query('SELECT answers FROM discovery_answer WHERE key = $1', [key]);
    return rows[0]?.answers;
  }

  /** Takes the place of what was kept under the key, and forgets what is two days old: the windows of a job move on at midnight. */
  async keep(key: string, answers: Buffer): Promise<void> {
    await this.database.query(
      `INSERT INTO discovery_answer AS known (key, answers, made_at) VALUES ($1, $2, now())
       ON CONFLICT (key) DO UPDATE SET answers = excluded.answers, made_at = excluded.made_at`,
      [key, answers],
    );
    await this.database.query(
      `DELETE FROM discovery_answer
       WHERE made_at < now() - interval '2 days' OR key IN (SELECT key FROM discovery_answer ORDER BY made_at DESC OFFSET $1)`,
      [mostAnswers],
    );
  }
}
