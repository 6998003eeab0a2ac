import http from 'node:http';
import net, { type AddressInfo } from 'node:net';

/** An in-process forward proxy that records its requests. */
export interface TinyProxy {
  readonly url: string;
  /** `GET http://host/path` for forwarded requests, `CONNECT host:port` for tunnels. */
  readonly requests: readonly string[];
  close(): void;
}

/** Starts a proxy. `hosts` maps names that only the proxy can resolve to host:port. */
export async function startTinyProxy(hosts: Readonly<Record<string, string>> = {}): Promise<TinyProxy> {
  const requests: string[] = [];
  const sockets = new Set<net.Socket>();
  const targetOf = (host: string, port: string) => new URL(`http://${hosts[host] ?? `${host}:${port}`}`);
  const server = http.createServer((request, response) => {
    requests.push(`${request.method} ${request.url}`);
    const { hostname, port, pathname, search } = new URL(request.url!);
    const target = targetOf(hostname, port || '80');
    const { method, headers } = request;
    const forwarded = http.request(
      { host: target.hostname, port: target.port, path: pathname + search, method, headers, agent: false },
      (reply) => {
        response.writeHead(reply.statusCode!, reply.headers);
        reply.pipe(response);
      },
    );
    forwarded.on('error', () => response.destroy());
    request.pipe(forwarded);
  });
  server.on('connect', (request, socket: net.Socket) => {
    requests.push(`CONNECT ${request.url}`);
    const [host, port] = request.url!.split(':');
    const target = targetOf(host!, port!);
    const tunnel = net.connect(Number(target.port), target.hostname, () => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
      tunnel.pipe(socket).pipe(tunnel);
    });
    for (const each of [socket, tunnel]) each.on('error', () => [socket, tunnel].forEach((end) => void end.destroy()));
    sockets.add(tunnel);
  });
  server.on('connection', (socket) => sockets.add(socket));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const close = () => {
    for (const socket of sockets) socket.destroy();
    server.close();
  };
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, requests, close };
}

/** Sets the proxy variables of the environment; returns a function that restores them. */
export function withProxyVariables(variables: Readonly<Record<string, string>>): () => void {
  const names = ['http_proxy', 'https_proxy', 'no_proxy', 'all_proxy'].flatMap((name) => [name, name.toUpperCase()]);
  const before = names.map((name) => [name, process.env[name]] as const);
  for (const name of names) delete process.env[name];
  Object.assign(process.env, variables);
  return () => {
    for (const [name, value] of before) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  };
}
