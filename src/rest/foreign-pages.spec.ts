import { foreignFault, type Origins, refuseForeignPages } from './foreign-pages.js';

const post = { method: 'POST', path: '/bulk', host: 'sizes.example:8080' };
const json = { contentType: 'application/json; charset=utf-8' };
const form = { contentType: 'text/plain' };
const foreign = { origin: 'https://evil.example' };
const fault = (request: Partial<Origins>, settings = {}) => foreignFault({ ...post, ...request }, settings);

describe('a request that changes something is allowed', () => {
  it.each<[string, Partial<Origins>, object]>([
    ['from curl, with any content type', form, {}],
    ["from Kruize's nginx, which sends no Host, for a page that posts JSON", { origin: 'http://ui.example', host: undefined, ...json }, {}],
    ['from a page of the service', { origin: 'http://sizes.example:8080', ...form }, {}],
    [
      'from a page of the service, according to the browser',
      { origin: 'https://outside.example', secFetchSite: 'same-origin', ...form },
      {},
    ],
    ['from the address bar', { secFetchSite: 'none', ...form }, {}],
    ['as JSON to an address that browsers do not trust, after a preflight', { ...foreign, ...json }, {}],
    ['from an allowed page', { ...foreign, secFetchSite: 'cross-site', ...form }, { CORS_ORIGINS: ['https://evil.example'] }],
  ])('%s', (_, request, settings) => expect(fault(request, settings)).toBeUndefined());
});

describe('a request that changes something is rejected', () => {
  it.each<[string, Partial<Origins>]>([
    ['from another page', { ...foreign, ...form }],
    ['from another page without a content type', foreign],
    ['from another page, according to the browser, even as JSON', { ...foreign, secFetchSite: 'cross-site', ...json }],
    ['from a page of the same site', { origin: 'https://other.sizes.example', secFetchSite: 'same-site', ...json }],
    ['from a page at another port', { origin: 'http://sizes.example:9090', ...form }],
    ['from an opaque origin', { origin: 'null', ...json }],
    ['from an invalid origin', { origin: 'sizes.example:8080', ...form }],
    ['with a content type that only begins like JSON', { ...foreign, contentType: 'application/jsonp' }],
  ])('%s', (_, request) => expect(fault(request)).toMatch(/^A page of .* may not do this\. To allow it, add its origin to CORS_ORIGINS/));

  it.each(['POST', 'PUT', 'DELETE', 'PATCH'])('by %s, while reading is allowed', (method) => {
    expect(fault({ ...foreign, method })).toContain('https://evil.example');
    expect(fault({ ...foreign, method: 'GET', secFetchSite: 'cross-site' })).toBeUndefined();
  });

  it('without an origin', () => {
    expect(fault({ secFetchSite: 'cross-site', ...form })).toMatch(/^A page of another site may not do this/);
  });

  it('with a short message', () => expect(fault({ origin: `https://${'x'.repeat(9_999)}` })!.length).toBeLessThan(400));
});

describe('hosts', () => {
  const settings = { ALLOWED_HOSTS: ['sizes.example', '::1', 'fd00::1', 'ui.example'] };

  it.each([
    { host: 'SIZES.example' },
    { host: '[::1]:8080' },
    { host: '[fd00::1]' },
    { host: 'ui.example.' },
    { host: 'sizes.example.:80' },
    { host: '10.0.0.7:8080', path: '/health/ready' },
    { host: undefined },
  ])('in ALLOWED_HOSTS, and probes, are allowed: %j', (request) => expect(fault(request, settings)).toBeUndefined());

  it.each([{ host: 'rebound.example' }, { host: '' }, { host: '10.0.0.7', path: '/healthy' }, { host: 'rebound.example', method: 'GET' }])(
    'that are not in the list are rejected: %j',
    (request) => expect(fault(request, settings)).toMatch(/^Host .* is not allowed\. To allow it, add it to ALLOWED_HOSTS/),
  );
});

describe('refuseForeignPages', () => {
  const pass = (headers: Record<string, string>) => {
    const passed: unknown[] = [];
    const request = { method: 'POST', path: '/bulk', get: (name: string) => headers[name] };
    refuseForeignPages({ CORS_ORIGINS: undefined, ALLOWED_HOSTS: undefined })(request as never, {} as never, (error) => passed.push(error));
    return passed;
  };

  it('passes on a request that no page sent', () => expect(pass({})).toEqual([undefined]));

  it('passes on a 403 for a page of another origin', () => {
    const headers = { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site', host: 'sizer', 'content-type': 'text/plain' };
    expect(pass(headers)).toEqual([expect.objectContaining({ message: expect.stringContaining('https://evil.example') })]);
  });
});
