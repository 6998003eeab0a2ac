import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Datasource } from '../src/datasource/datasource.js';

/** Answers a request; the body is latin1. */
export type Handler = (request: IncomingMessage, response: ServerResponse, body: string) => void;

/** A server that is asked as a datasource. */
export interface PrometheusLike {
  readonly datasource: Datasource;
  /** Last part of each path that was asked, in the order of arrival. */
  readonly paths: readonly string[];
  readonly close: () => Promise<void>;
}

type Part = 'read' | 'query' | 'query_range' | 'buildinfo';

const success = (resultType: string, result: object[]) => ({ status: 'success', data: { resultType, result } });

/** Answers with JSON. */
export const answerJson =
  (body: unknown): Handler =>
  (_, response) =>
    response.end(JSON.stringify(body));

/** Refuses with a status. */
export const refuse =
  (status: number, text = 'no'): Handler =>
  (_, response) => {
    response.statusCode = status;
    response.end(text);
  };

/** Answers what probes ask a server for, as one would whose windows of one step hold so many samples: 2 before Prometheus 3, 1 from 3 on. */
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

/** Like Prometheus 2 without any data: the facts that probes ask for, and a remote read. */
const prometheus2: Readonly<Record<Part, Handler>> = {
  read: (_, response) => response.end(),
  query: answerFacts(2),
  query_range: answerJson(success('matrix', [])),
  buildinfo: (request, response, body) =>
    answerJson({ data: { version: request.method === 'GET' ? '2.42.0' : '?' } })(request, response, body),
};

/** Starts a server like Prometheus 2 some of whose parts answer otherwise. */
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
