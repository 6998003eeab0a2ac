import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { deflateRaw, inflateRaw } from 'node:zlib';
import { Injectable, Optional } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { identityOf } from '../datasource/datasource.js';
import type { PrometheusSeries } from '../datasource/prometheus-client.js';
import { logOf } from '../settings/logger.js';
import { InjectSettings } from '../settings/settings.module.js';
import type { Settings } from '../settings/settings-schema.js';
import { areDays, type DiscoveryRequest, type Instants } from './plan-discovery.js';

import type { Asking, Question } from './series-finder.js';

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

type Answers = readonly (readonly PrometheusSeries[])[];

/** Questions about some windows, for a discovery. */
export interface AskedPart {
  readonly questions: readonly Question[];
  readonly windows: Instants;
  readonly request: Pick<DiscoveryRequest, 'nowSeconds' | 'refresh'>;
}

/** Raise it when answers are made or laid out differently: what was kept before is then not found any more. */
const formatVersion = 1;

const compress = promisify(deflateRaw);
const decompress = promisify(inflateRaw);

const log = logOf('discovery');

/** Keeps the answers about days that are over, so that the next job asks only about what is new (docs/decisions/0012-days-are-discovered-once.md). */
@Injectable()
export class SettledAnswers {
  private hasSaid = false;

  /** Without a store nothing is kept. */
  constructor(
    @InjectSettings() private readonly settings: Pick<Settings, 'USAGE_OVERLAP'>,
    @Optional() private readonly store?: DiscoveryAnswerStore,
  ) {}

  /** The answers as they are kept, else as `ask` gives them. Those that are partial, or hold nothing at all, are not kept. */
  async find(asking: Asking, part: AskedPart, ask: (asking: Asking) => Promise<Answers>): Promise<Answers> {
    const { endSeconds } = part.windows;
    // Samples may come late, as they may for usage.
    const isOver = areDays(part.windows) && endSeconds + this.settings.USAGE_OVERLAP <= part.request.nowSeconds;
    if (!this.store || !isOver) return ask(asking);
    const key = keyOf(asking, part);
    const kept = part.request.refresh ? undefined : await this.load(key);
    if (kept) return kept;
    const warnings = new Set<string>();
    const answers = await ask({ ...asking, warnings });
    for (const warning of warnings) asking.warnings.add(warning);
    if (warnings.size === 0 && answers.some(({ length }) => length > 0)) await this.keep(key, answers);
    return answers;
  }

  private async load(key: string): Promise<Answers | undefined> {
    try {
      const packed = await this.store!.load(key);
      return packed && JSON.parse((await decompress(packed)).toString('utf8'));
    } catch (error) {
      this.sayOnce('kept answers cannot be looked up: all is asked anew', error);
      return undefined;
    }
  }

  private async keep(key: string, answers: Answers): Promise<void> {
    try {
      await this.store!.keep(key, await compress(JSON.stringify(answers)));
    } catch (error) {
      this.sayOnce('answers cannot be kept: the next job asks them anew', error);
    }
  }

  private sayOnce(text: string, error: unknown): void {
    if (this.hasSaid) return;
    this.hasSaid = true;
    log.warn({ error: String(error) }, text);
  }
}

/** A UUID made of everything that the answers depend on. */
function keyOf({ datasource }: Asking, { questions, windows }: AskedPart): string {
  const { endSeconds, lengthMs, count } = windows;
  const asked = [formatVersion, identityOf(datasource), questions, endSeconds, lengthMs, count];
  const hex = createHash('sha256').update(JSON.stringify(asked)).digest('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join('-');
}
