import { Injectable } from '@nestjs/common';
import { z } from 'zod';
import { SharedWork } from '../calls/abort.js';
import type { Datasource } from '../datasource/datasource.js';
import { DatasourceError } from '../datasource/datasource-error.js';
import { DatasourceHttp, readBytes } from '../datasource/datasource-http.js';
import { PrometheusClient } from '../datasource/prometheus-client.js';
import { RemoteRead } from '../datasource/remote-read.js';
import { logOf } from '../settings/logger.js';
import { chooseReader, type ReaderChoice, type RemoteReadFailure, tellsNoRemoteRead } from './choose-reader.js';
import { factsInstant, factsQuery, readServerFacts, type ServerFacts } from './server-facts.js';

const log = logOf('probes');

/** What probing a datasource told. */
export interface ReaderProbe extends ReaderChoice, ServerFacts {
  /** Of the server, as it tells itself. */
  readonly version?: string;
}

interface KeptProbe {
  readonly probe: SharedWork<ReaderProbe>;
  untilMs: number;
}

const keepMs = 600_000;
/** Where only remote read failed and not in a way that says it is not there. */
const keepDoubtfulMs = 30_000;
const longestVersionWaitMs = 5_000;
const longestBuildInfoBytes = 100_000;

const buildInfoSchema = z.object({ data: z.object({ version: z.string() }) });

/** Finds out how a datasource can be read, at the first use and again every ten minutes. */
@Injectable()
export class ReaderProbes {
  private readonly kept = new Map<string, KeptProbe>();

  /** Called with the result of every probe made here, and when a datasource is demoted. */
  onProbe: (datasource: string, probe: ReaderProbe) => void = () => undefined;

  constructor(
    private readonly remoteRead: RemoteRead,
    private readonly client: PrometheusClient,
    private readonly http: DatasourceHttp,
  ) {}

  /** Rejects with a DatasourceError where the datasource cannot be asked at all. */
  async of(datasource: Datasource, signal?: AbortSignal): Promise<ReaderProbe> {
    const kept = this.kept.get(datasource.name);
    if (kept && Date.now() < kept.untilMs) return kept.probe.wait(signal);
    const probe = new SharedWork((stop) => this.probe(datasource, stop));
    const fresh: KeptProbe = { probe, untilMs: Date.now() + keepMs };
    this.kept.set(datasource.name, fresh);
    probe.result.catch(() => this.forget(datasource, fresh));
    return probe.wait(signal);
  }

  /** Reads by PromQL from now on, until the next probe: chunks were promised and did not come. */
  demote(datasource: Datasource, probe: ReaderProbe, reason: string): void {
    log.warn({ datasource: datasource.name, reason }, 'a datasource is read by PromQL for a while');
    const demoted = { ...probe, used: 'promql', reason } as const;
    this.adopt(datasource.name, demoted);
    this.onProbe(datasource.name, demoted);
  }

  /** Keeps a result that another thread found, in place of the one kept here. */
  adopt(datasource: string, probe: ReaderProbe): void {
    this.kept.set(datasource, { probe: new SharedWork(async () => probe), untilMs: Date.now() + keepMs });
  }

  private forget({ name }: Datasource, probe: KeptProbe): void {
    if (this.kept.get(name) === probe) this.kept.delete(name);
  }

  private async probe(datasource: Datasource, signal: AbortSignal): Promise<ReaderProbe> {
    const configured = datasource.usageReader ?? 'auto';
    const [failure, version] = await Promise.all([
      configured === 'auto' ? this.tryRemoteRead(datasource, signal) : undefined,
      this.askVersion(datasource, signal),
    ]);
    const choice = chooseReader(configured, failure);
    const facts = await this.askFacts(datasource, choice, version, signal);
    if (failure?.failure === 'unavailable') this.doubt(datasource);
    log.info({ datasource: datasource.name, reader: choice.used, version, reason: choice.reason }, 'a datasource is probed');
    const found = { ...choice, ...facts, ...(version !== undefined && { version }) };
    this.onProbe(datasource.name, found);
    return found;
  }

  private doubt({ name }: Datasource): void {
    const kept = this.kept.get(name);
    if (kept) kept.untilMs = Date.now() + keepDoubtfulMs;
  }

  /** Asks for one minute of `up`: it need not exist, what counts is the kind of the answer. */
  private async tryRemoteRead(datasource: Datasource, signal: AbortSignal): Promise<RemoteReadFailure> {
    const question = {
      matchers: [{ type: '=', name: '__name__', value: 'up' }],
      windows: [{ function: 'instant', rangeMs: 60_000 }],
    } as const;
    const grid = { endMs: Date.now(), stepMs: 60_000, rows: 1, boundary: 'closed' } as const;
    try {
      await this.remoteRead.read(datasource, [question], grid, () => undefined, signal);
      return undefined;
    } catch (error) {
      if (!(error instanceof DatasourceError) || !tellsNoRemoteRead(error.failure)) throw error;
      return { failure: error.failure, message: error.message };
    }
  }

  /** Only who computes windows itself needs to know how the server does. */
  private async askFacts(
    datasource: Datasource,
    { used }: ReaderChoice,
    version: string | undefined,
    signal: AbortSignal,
  ): Promise<ServerFacts> {
    if (used === 'promql') return readServerFacts([], version);
    const timeSeconds = factsInstant(Date.now());
    const { series } = await this.client.query(datasource, { query: factsQuery(timeSeconds), timeSeconds }, signal);
    return readServerFacts(series, version);
  }

  /** For people only, so it is neither waited for long nor missed. */
  private async askVersion(datasource: Datasource, signal: AbortSignal): Promise<string | undefined> {
    const request = { method: 'get', path: '/api/v1/status/buildinfo', body: '', headers: { accept: 'application/json' } } as const;
    const read = async (body: Parameters<typeof readBytes>[0]) => (await readBytes(body, longestBuildInfoBytes)).bytes;
    try {
      const bytes = await this.http.post(datasource, request, read, AbortSignal.any([signal, AbortSignal.timeout(longestVersionWaitMs)]));
      return buildInfoSchema.parse(JSON.parse(bytes.toString('utf8'))).data.version;
    } catch {
      return undefined;
    }
  }
}
