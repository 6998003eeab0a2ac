import { withProxyVariables } from '../../test/servers/tiny-proxy.js';
import { proxyFaults, proxyFor } from './proxy.js';

describe('proxyFor', () => {
  let restore: () => void = () => undefined;
  afterEach(() => restore());

  it.each<[Record<string, string>, string, string | undefined]>([
    [{}, 'http://prometheus:9090', undefined],
    [{ HTTP_PROXY: 'http://proxy:3128' }, 'http://prometheus:9090', 'http://proxy:3128'],
    [{ HTTP_PROXY: 'http://proxy:3128' }, 'https://prometheus', undefined],
    [{ HTTPS_PROXY: 'proxy:3128' }, 'https://prometheus', 'http://proxy:3128'],
    [{ https_proxy: 'http://lower:1', HTTPS_PROXY: 'http://upper:1' }, 'https://prometheus', 'http://lower:1'],
    [{ ALL_PROXY: 'http://all:1' }, 'https://prometheus', 'http://all:1'],
    [{ HTTP_PROXY: 'http://proxy:1', NO_PROXY: '.svc,.cluster.local' }, 'http://prometheus.monitoring.svc:9090', undefined],
    [{ HTTP_PROXY: 'http://proxy:1', NO_PROXY: '.svc' }, 'http://prometheus.example:9090', 'http://proxy:1'],
    [{ HTTP_PROXY: 'http://proxy:1', NO_PROXY: '*' }, 'http://prometheus:9090', undefined],
    [{ HTTP_PROXY: 'http://proxy:1', NO_PROXY: '10.0.0.0/8, fd00::/8' }, 'http://10.1.2.3:9090', undefined],
    [{ HTTP_PROXY: 'http://proxy:1', NO_PROXY: '10.0.0.0/8, fd00::/8' }, 'http://[fd00::1]:9090', undefined],
    [{ HTTP_PROXY: 'http://proxy:1', NO_PROXY: '10.0.0.0/8, fd00::/8' }, 'http://11.1.2.3:9090', 'http://proxy:1'],
    [{ HTTP_PROXY: 'http://proxy:1', no_proxy: '', NO_PROXY: '10.0.0.0/8' }, 'http://10.1.2.3:9090', undefined],
  ])('with %j: %s uses proxy %s', (variables, url, proxy) => {
    restore = withProxyVariables(variables);
    expect(proxyFor(url)).toBe(proxy);
  });
});

describe('proxyFaults', () => {
  it('reports variables that are not a proxy URL, without passwords', () => {
    expect(proxyFaults({ HTTP_PROXY: 'socks5://me:hunter2@proxy', https_proxy: 'http://', HTTPS_PROXY: 'proxy:3128' })).toEqual([
      'HTTP_PROXY: expected http://host:port or https://host:port, got "…"',
      'https_proxy: expected http://host:port or https://host:port, got "…"',
    ]);
  });

  it('checks ALL_PROXY only if it is used', () => {
    expect(proxyFaults({ ALL_PROXY: 'socks5://proxy' })).toEqual([expect.stringMatching(/^ALL_PROXY: /)]);
    expect(proxyFaults({ ALL_PROXY: 'socks5://proxy', http_proxy: 'proxy:1', HTTPS_PROXY: 'proxy:1' })).toEqual([]);
    expect(proxyFaults({ ALL_PROXY: 'http://-a..b-' })).toHaveLength(1);
    expect(proxyFaults({ HTTP_PROXY: 'http://u:p%zz@proxy:3128' })).toHaveLength(1);
  });
});
