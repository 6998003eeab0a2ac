import { promisify } from 'node:util';
import { blockedRange, checkWebhookUrl, publicLookup } from './webhook-target.js';

describe('checkWebhookUrl', () => {
  it.each([
    ['http://127.0.0.1/hook', 'loopback'],
    ['http://2130706433/hook', 'loopback'],
    ['http://0x7f.1/hook', 'loopback'],
    ['https://10.1.2.3:8443/', 'private'],
    ['http://192.168.0.1/', 'private'],
    ['http://172.31.255.255/', 'private'],
    ['http://100.64.0.1/', 'carrierGradeNat'],
    ['http://169.254.169.254/latest/meta-data', 'linkLocal'],
    ['http://0.0.0.0/', 'unspecified'],
    ['http://224.0.0.1/', 'multicast'],
    ['http://255.255.255.255/', 'broadcast'],
    ['http://[::1]/', 'loopback'],
    ['http://[::]/', 'unspecified'],
    ['http://[fe80::1]/', 'linkLocal'],
    ['http://[fd00::1]/', 'uniqueLocal'],
    ['http://[ff02::1]/', 'multicast'],
    ['http://[::ffff:127.0.0.1]/', 'loopback'],
    ['http://[::ffff:a00:1]/', 'private'],
    ['http://[64:ff9b::7f00:1]/', 'rfc6052'],
  ])('refuses %s as %s', (url, range) => {
    expect(checkWebhookUrl(url, false)).toContain(`(${range})`);
    expect(checkWebhookUrl(url, true)).toBeUndefined();
  });

  it.each([
    'http://93.184.215.14/hook',
    'https://[2606:2800:21f:cb07:6820:80da:af6b:8b2c]/',
    'https://hooks.example.com/x',
    'http://[::ffff:8.8.8.8]/',
  ])('takes %s', (url) => {
    expect(checkWebhookUrl(url, false)).toBeUndefined();
  });

  it.each(['', 'nonsense', '/hook', 'ftp://example.com/', 'file:///etc/passwd', 'javascript:alert(1)'])(
    'refuses %j as no http address',
    (url) => {
      expect(checkWebhookUrl(url, true)).toBe('Webhook url must be an absolute http or https address.');
    },
  );
});

describe('publicLookup', () => {
  const lookup = promisify(publicLookup);

  it.each([[{}], [{ all: true }], [{ family: 4 }]])('refuses a name that resolves to a blocked address (%j)', async (options) => {
    await expect(lookup('localhost', options)).rejects.toMatchObject({ code: 'ERR_BLOCKED_TARGET' });
  });

  it('hands on what the resolver says of an unknown name', async () => {
    await expect(lookup('nothing.invalid', {})).rejects.not.toMatchObject({ code: 'ERR_BLOCKED_TARGET' });
  });

  it('knows public addresses', () => {
    expect(blockedRange('8.8.8.8')).toBeUndefined();
  });
});
