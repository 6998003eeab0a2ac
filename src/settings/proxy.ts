import { Agent as HttpAgent, type AgentOptions as HttpAgentOptions } from 'node:http';
import { Agent as HttpsAgent, type AgentOptions as HttpsAgentOptions } from 'node:https';
import { HttpProxyAgent } from 'http-proxy-agent';
import { HttpsProxyAgent } from 'https-proxy-agent';
import ipaddr from 'ipaddr.js';
import { getProxyForUrl } from 'proxy-from-env';
import { httpUrl, isInRanges, plainHost, readAddressRange } from './setting-types.js';

/** Variables that may name a proxy for URLs of a scheme, in order of precedence. */
const variablesOf = (scheme: string) => [`${scheme}_proxy`, `${scheme}_proxy`.toUpperCase(), 'all_proxy', 'ALL_PROXY'];

/** Returns the proxy for a URL according to HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY; undefined if there is none. The default scheme is http. */
export function proxyFor(url: string): string | undefined {
  const { protocol, hostname } = new URL(url);
  const value = variablesOf(protocol.slice(0, -1))
    .map((name) => process.env[name])
    .find((given) => given);
  if (!value || !getProxyForUrl(url) || isInNoProxyRange(plainHost(hostname))) return undefined;
  return value.includes('://') ? value : `http://${value}`;
}

/** proxy-from-env does not support CIDR ranges in NO_PROXY, which Kubernetes and Go do. Like the library, this treats an empty no_proxy as unset. */
function isInNoProxyRange(host: string): boolean {
  if (!ipaddr.isValid(host)) return false;
  const items = (process.env.no_proxy || process.env.NO_PROXY || '').split(/[,\s]+/);
  return isInRanges(ipaddr.process(host), items.filter((item) => ipaddr.isValidCIDR(item)).map(readAddressRange));
}

/** Returns an agent for http URLs, with or without a proxy. */
export function plainAgent(proxy: string | undefined, options: HttpAgentOptions): HttpAgent {
  return proxy ? new HttpProxyAgent(proxy, options) : new HttpAgent(options);
}

/** Returns an agent for https URLs, with or without a proxy. The TLS options apply to the target, not to the proxy. */
export function secureAgent(proxy: string | undefined, options: HttpsAgentOptions): HttpAgent {
  return proxy ? new TunnelAgent(proxy, options) : new HttpsAgent(options);
}

/** HttpsProxyAgent uses its TLS options only for the proxy. This class passes them with each connection to the target. */
class TunnelAgent extends HttpsProxyAgent<string> {
  constructor(
    proxy: string,
    private readonly tls: HttpsAgentOptions,
  ) {
    super(proxy, { keepAlive: tls.keepAlive });
  }

  override connect(...[request, options]: Parameters<HttpsProxyAgent<string>['connect']>): ReturnType<HttpsProxyAgent<string>['connect']> {
    return super.connect(request, { ...options, ...this.tls } as typeof options);
  }
}

/** Returns errors of the proxy variables. ALL_PROXY is checked only if it is used for a scheme. */
export function proxyFaults(environment: Readonly<Record<string, string | undefined>>): string[] {
  const named = ['http_proxy', 'HTTP_PROXY', 'https_proxy', 'HTTPS_PROXY'];
  const used = ['http', 'https'].flatMap((scheme) => variablesOf(scheme).find((name) => environment[name]) ?? []);
  return [...new Set([...named, ...used])]
    .filter((name) => environment[name] && !isProxy(environment[name]))
    .map((name) => `${name}: expected http://host:port or https://host:port, got "…"`);
}

function isProxy(value: string): boolean {
  return httpUrl.safeParse(value.includes('://') ? value : `http://${value}`).success;
}
