import { promisify } from 'node:util';
import { maskWebhookUrl, WebhookTargets, webhookUrlFault } from './webhook-target.js';

const targets = (...WEBHOOK_ALLOW: string[]) => new WebhookTargets({ WEBHOOK_ALLOW, WEBHOOK_ALLOW_PRIVATE: false });
const allPrivate = new WebhookTargets({ WEBHOOK_ALLOW: [], WEBHOOK_ALLOW_PRIVATE: true });

describe('a URL with an IP address', () => {
  it.each([
    ['http://127.0.0.1/hook', 'loopback'],
    ['http://2130706433/hook', 'loopback'],
    ['http://0x7f.1/hook', 'loopback'],
    ['https://10.1.2.3:8443/', 'private'],
    ['http://192.168.0.1/', 'private'],
    ['http://172.31.255.255/', 'private'],
    ['http://100.64.0.1/', 'carrierGradeNat'],
    ['http://169.254.1.1/', 'linkLocal'],
    ['http://169.254.169.254/latest/meta-data', 'cloud metadata'],
    ['http://100.100.100.200/', 'cloud metadata'],
    ['http://[::1]/', 'loopback'],
    ['http://[fe80::1]/', 'linkLocal'],
    ['http://[fd00::1]/', 'uniqueLocal'],
    ['http://[fd00:ec2::254]/', 'cloud metadata'],
    ['http://[::ffff:127.0.0.1]/', 'loopback'],
    ['http://[::127.0.0.1]/', 'loopback'],
    ['http://[::10.0.0.1]/', 'private'],
    ['http://[::ffff:a00:1]/', 'private'],
    ['http://[64:ff9b::7f00:1]/', 'loopback'],
  ])('%s is refused as %s, unless all private addresses are allowed', (url, range) => {
    expect(() => targets().check(url)).toThrow(`(${range})`);
    expect(() => allPrivate.check(url)).not.toThrow();
  });

  it.each([
    ['http://0.0.0.0/', 'unspecified'],
    ['http://224.0.0.1/', 'multicast'],
    ['http://255.255.255.255/', 'broadcast'],
    ['http://[::]/', 'unspecified'],
    ['http://[ff02::1]/', 'multicast'],
    ['http://168.63.129.16/', 'cloud metadata'],
  ])('%s is refused as %s, even if all private addresses are allowed', (url, range) =>
    expect(() => allPrivate.check(url)).toThrow(`(${range})`),
  );

  it.each([
    'http://93.184.215.14/hook',
    'https://[2606:2800:21f:cb07:6820:80da:af6b:8b2c]/',
    'https://hooks.example.com/x',
    'http://[::ffff:8.8.8.8]/',
    'http://[64:ff9b::808:808]/',
  ])('%s is accepted', (url) => expect(() => targets().check(url)).not.toThrow());
});

describe('webhookUrlFault', () => {
  it.each(['', 'nonsense', '/hook', 'ftp://example.com/', 'file:///etc/passwd', 'javascript:alert(1)'])('rejects %j', (url) =>
    expect(webhookUrlFault(url)).toBe('Webhook url must be an absolute http or https URL.'),
  );

  it.each(['http://127.0.0.1:8080/webhook', 'https://hooks.example.com/x'])('accepts %s', (url) =>
    expect(webhookUrlFault(url)).toBeUndefined(),
  );
});

describe('maskWebhookUrl', () => {
  it.each([
    ['http://127.0.0.1:8080/webhook', 'http://127.0.0.1:8080/webhook'],
    ['http://hooks.example.com', 'http://hooks.example.com'],
    ['https://me:s3cret@hooks.example.com:8443/a', 'https://***@hooks.example.com:8443/a'],
    ['https://:s3cret@hooks.example.com/', 'https://***@hooks.example.com/'],
    ['https://hooks.example.com/a?token=s3cret#x', 'https://hooks.example.com/a?***'],
  ])('shows %s as %s', (url, shown) => expect(maskWebhookUrl(url)).toBe(shown));
});

describe('an address that a name resolves to', () => {
  it.each([
    ['kruize-optimizer', '10.96.0.17'],
    ['Kruize-Optimizer.', '172.30.1.1'],
    ['optimizer.monitoring.svc', '192.168.7.7'],
    ['optimizer.monitoring.svc.cluster.local', '100.64.3.3'],
    ['optimizer.monitoring.svc.cluster.local.', 'fd00::7'],
    ['hooks.example.com', '8.8.8.8'],
  ])('%s at %s may be called', (host, address) => expect(targets().blockedRange(host, address)).toBeUndefined());

  it.each([
    ['localhost', '127.0.0.1', 'loopback'],
    ['localhost', '::1', 'loopback'],
    ['metadata', '169.254.169.254', 'cloud metadata'],
    ['metadata.svc', '100.100.100.200', 'cloud metadata'],
    ['node.svc', '169.254.20.10', 'linkLocal'],
    ['any.svc', '0.0.0.0', 'unspecified'],
    ['hooks.example.com', '10.0.0.1', 'private'],
    ['optimizer.monitoring', '10.0.0.1', 'private'],
    ['svc.example.com', '10.0.0.1', 'private'],
    ['evil.svc.cluster.local.example.com', '10.0.0.1', 'private'],
    ['fd00::1', 'fd00::1', 'uniqueLocal'],
  ])('%s at %s is refused as %s', (host, address, range) => expect(targets().blockedRange(host, address)).toBe(range));
});

describe('WEBHOOK_ALLOW', () => {
  it.each([
    ['10.1.0.0/16', 'hooks.example.com', '10.1.255.1'],
    ['10.1.2.3', 'hooks.example.com', '10.1.2.3'],
    ['10.1.0.0/16', 'hooks.example.com', '::ffff:10.1.0.1'],
    ['fd00:1::/32', 'hooks.example.com', 'fd00:1::5'],
    ['::1', '::1', '::1'],
    ['127.0.0.0/8', 'localhost', '127.0.0.1'],
    ['localhost', 'LOCALHOST.', '127.0.0.1'],
    ['hooks.corp.example', 'hooks.corp.example', '10.0.0.1'],
    ['*.corp.example', 'a.b.corp.example', '10.0.0.1'],
    ['169.254.169.254', 'x', '169.254.169.254'],
  ])('%s allows %s at %s', (item, host, address) => expect(targets('other', item).blockedRange(host, address)).toBeUndefined());

  it.each([
    ['10.1.0.0/16', 'hooks.example.com', '10.2.0.1'],
    ['10.1.2.3', 'hooks.example.com', '10.1.2.4'],
    ['fd00:1::/32', 'hooks.example.com', 'fd00:2::5'],
    ['0.0.0.0/0', '::1', '::1'],
    ['hooks.corp.example', 'my-hooks.corp.example', '10.0.0.1'],
    ['*.corp.example', 'corp.example', '10.0.0.1'],
    ['*.corp.example', 'evilcorp.example', '10.0.0.1'],
  ])('%s does not allow %s at %s', (item, host, address) => expect(targets(item).blockedRange(host, address)).toBeDefined());
});

describe('the lookup of a name', () => {
  const lookup = promisify(targets().lookup);

  it.each([[{}], [{ all: true }], [{ family: 4 }]])('refuses a name that resolves to a blocked address (%j)', async (options) => {
    await expect(lookup('localhost', options)).rejects.toMatchObject({ code: 'ERR_BLOCKED_TARGET' });
  });

  it('returns the addresses of an allowed name', async () => {
    expect(await promisify(targets('localhost').lookup)('localhost', { family: 4, all: true })).toEqual([
      { address: '127.0.0.1', family: 4 },
    ]);
  });

  it('passes on the error of the resolver for an unknown name', async () => {
    await expect(lookup('nothing.invalid', {})).rejects.not.toMatchObject({ code: 'ERR_BLOCKED_TARGET' });
  });
});
