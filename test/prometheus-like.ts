import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Datasource } from '../src/datasource/datasource.js';

/** Handles a request; the body is in Latin-1. */
export type Handler = (request: IncomingMessage, response: ServerResponse, body: string) => void;

/** A fake datasource. */
export interface PrometheusLike {
  readonly datasource: Datasource;
  /** Last segment of each requested path, in order of arrival. */
  readonly paths: readonly string[];
  readonly close: () => Promise<void>;
}

type Part = 'read' | 'query' | 'query_range' | 'buildinfo';

const success = (resultType: string, result: object[]) => ({ status: 'success', data: { resultType, result } });

/** Responds with JSON. */
export const answerJson =
  (body: unknown): Handler =>
  (_, response) =>
    response.end(JSON.stringify(body));

/** Responds with an error status. */
export const refuse =
  (status: number, text = 'no'): Handler =>
  (_, response) => {
    response.statusCode = status;
    response.end(text);
  };

/** Responds to probes as a server whose windows of one step have this number of samples: 2 before Prometheus 3, 1 since then. */
export const answerFacts = (inOneStep: 1 | 2): Handler =>
  answerJson(
    success(
      'vector',
      Object.entries({ boundary: inOneStep, steps: 119 + inOneStep, extrapolation: 340 }).map(([fact, value]) => ({
        metric: { fact },
        value: [0, String(value)],
      })),
    ),
  );

/** Like Prometheus 2 without data: responds to probes and remote reads. */
const prometheus2: Readonly<Record<Part, Handler>> = {
  read: (_, response) => response.end(),
  query: answerFacts(2),
  query_range: answerJson(success('matrix', [])),
  buildinfo: (request, response, body) =>
    answerJson({ data: { version: request.method === 'GET' ? '2.42.0' : '?' } })(request, response, body),
};

/** Starts a server like Prometheus 2, with some endpoints overridden. */
export async function startPrometheusLike(parts: Partial<Record<Part, Handler>> = {}): Promise<PrometheusLike> {
  const handlers: Readonly<Record<string, Handler>> = { ...prometheus2, ...parts };
  const paths: string[] = [];
  const server = createServer(async (request, response) => {
    const body = Buffer.concat(await request.toArray()).toString('latin1');
    const path = request.url?.split('/').at(-1) ?? '';
    paths.push(path);
    (handlers[path] ?? refuse(404))(request, response, body);
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const close = () => {
    server.closeAllConnections();
    return new Promise<void>((done) => server.close(() => done()));
  };
  return {
    datasource: { name: 'p', provider: 'prometheus', url, authentication: { type: 'none' }, insecureSkipVerify: false },
    paths,
    close,
  };
}

/** Starts fake datasources for the tests of a file, and closes them after each test. */
export function usePrometheusLike(): typeof startPrometheusLike {
  const started: PrometheusLike[] = [];
  afterEach(async () => {
    for (const server of started.splice(0)) await server.close();
  });
  return async (parts) => {
    const server = await startPrometheusLike(parts);
    started.push(server);
    return server;
  };
}
