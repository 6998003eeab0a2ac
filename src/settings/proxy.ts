import { Agent as HttpAgent, type AgentOptions as HttpAgentOptions } from 'node:http';
import { Agent as HttpsAgent, type AgentOptions as HttpsAgentOptions } from 'node:https';
import { HttpProxyAgent } from 'http-proxy-agent';
import { HttpsProxyAgent } from 'https-proxy-agent';
import ipaddr from 'ipaddr.js';
import { getProxyForUrl } from 'proxy-from-env';
import { isInRanges, plainHost, readAddressRange } from './hosts.js';
import { httpUrl } from './setting-types.js';

/** The variables that may name a proxy for addresses of a scheme; the first that is set counts. */
const variablesOf = (scheme: string) => [`${scheme}_proxy`, `${scheme}_proxy`.toUpperCase(), 'all_proxy', 'ALL_PROXY'];

/** The proxy for an address, by HTTPS_PROXY, HTTP_PROXY and NO_PROXY; undefined if there is none. A proxy named without a scheme gets http. */
export function proxyFor(url: string): string | undefined {
  const { protocol, hostname } = new URL(url);
  const value = variablesOf(protocol.slice(0, -1))
    .map((name) => process.env[name])
    .find((given) => given);
  if (!value || !getProxyForUrl(url) || isInNoProxyRange(plainHost(hostname))) return undefined;
  return value.includes('://') ? value : `http://${value}`;
}

/** The library knows names in NO_PROXY, but not CIDRs, which Kubernetes and Go allow there. Like the library, it takes an empty no_proxy for unset. */
function isInNoProxyRange(host: string): boolean {
  if (!ipaddr.isValid(host)) return false;
  const items = (process.env.no_proxy || process.env.NO_PROXY || '').split(/[,\s]+/);
  return isInRanges(ipaddr.process(host), items.filter((item) => ipaddr.isValidCIDR(item)).map(readAddressRange));
}

/** An agent for requests to http addresses, through a proxy where one is given. */
export function plainAgent(proxy: string | undefined, options: HttpAgentOptions): HttpAgent {
  return proxy ? new HttpProxyAgent(proxy, options) : new HttpAgent(options);
}

/** An agent for requests to https addresses, through a proxy where one is given; the TLS options are those of the address. */
export function secureAgent(proxy: string | undefined, options: HttpsAgentOptions): HttpAgent {
  return proxy ? new TunnelAgent(proxy, options) : new HttpsAgent(options);
}

/** HttpsProxyAgent uses its TLS options for the proxy only. For the address behind it, this class passes them with each connection. */
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

/** What is wrong with the variables that name proxies; ALL_PROXY counts only where none of the others is set. */
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
