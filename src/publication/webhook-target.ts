import dns from 'node:dns';
import type { LookupFunction } from 'node:net';
import { promisify } from 'node:util';
import ipaddr from 'ipaddr.js';
import { type Address, type AddressRange, isAddressRange, isInRanges, plainHost, readAddressRange } from '../settings/setting-types.js';
import type { Settings } from '../settings/settings-schema.js';

/** Addresses of the metadata services of AWS, Azure, Alibaba and Google, which hand out credentials. */
const metadataAddresses: ReadonlySet<string> = new Set([
  '169.254.169.254',
  '168.63.129.16',
  '100.100.100.200',
  'fd00:ec2::254',
  'fd20:ce::254',
]);

/** Address ranges of in-cluster services, as ipaddr.js names them. */
const clusterRanges: ReadonlySet<string> = new Set(['private', 'uniqueLocal', 'carrierGradeNat']);

/** Addresses that WEBHOOK_ALLOW_PRIVATE=true allows. */
const privateCidrs = [
  '10.0.0.0/8',
  '172.16.0.0/12',
  '192.168.0.0/16',
  '100.64.0.0/10',
  'fc00::/7',
  '127.0.0.0/8',
  '::1/128',
  '169.254.0.0/16',
  'fe80::/10',
];

/** A webhook's host is, or resolves to, a blocked address. */
export class BlockedTargetError extends Error {
  readonly code = 'ERR_BLOCKED_TARGET';

  constructor(host: string, range: string) {
    super(`Webhook host ${host} has a blocked address (${range}). The operator can allow it with WEBHOOK_ALLOW.`);
    this.name = 'BlockedTargetError';
  }
}

/** Returns why a text is not a webhook URL; undefined if it is one. Does not check whether the address is blocked. */
export function webhookUrlFault(url: string): string | undefined {
  const protocol = URL.canParse(url) ? new URL(url).protocol : '';
  return protocol === 'http:' || protocol === 'https:' ? undefined : 'Webhook url must be an absolute http or https URL.';
}

/** Masks user info and query of a webhook URL, which often hold secrets. */
export function maskWebhookUrl(url: string): string {
  const { username, password, search, protocol, host, pathname } = new URL(url);
  if (!username && !password && !search) return url;
  return `${protocol}//${username || password ? '***@' : ''}${host}${pathname}${search && '?***'}`;
}

/**
 * Addresses that webhooks may reach: public ones, private ones under the name of an in-cluster service, and those that WEBHOOK_ALLOW lists
 * by name or address.
 */
export class WebhookTargets {
  private readonly names: readonly string[];
  private readonly ranges: readonly AddressRange[];

  constructor({ WEBHOOK_ALLOW, WEBHOOK_ALLOW_PRIVATE }: Pick<Settings, 'WEBHOOK_ALLOW' | 'WEBHOOK_ALLOW_PRIVATE'>) {
    const allowed = WEBHOOK_ALLOW_PRIVATE ? [...WEBHOOK_ALLOW, ...privateCidrs] : WEBHOOK_ALLOW;
    this.names = allowed.filter((item) => !isAddressRange(item));
    this.ranges = allowed.filter(isAddressRange).map(readAddressRange);
  }

  /** Throws if the host is a blocked IP address. Names are checked when they are resolved. */
  check(url: string): void {
    const host = hostOf(url);
    const range = ipaddr.isValid(host) ? this.blockedRange(host, host) : undefined;
    if (range) throw new BlockedTargetError(host, range);
  }

  /** Resolves a name and fails if it has a blocked address. The connection uses the checked address, so DNS rebinding has no effect. */
  readonly lookup: LookupFunction = (hostname, options, callback) => {
    dns.lookup(hostname, { ...options, all: true }, (error, addresses) => {
      const range = addresses?.map(({ address }) => this.blockedRange(hostname, address)).find((blocked) => blocked !== undefined);
      const refused = error ?? (range ? new BlockedTargetError(hostname, range) : null);
      const [first] = addresses ?? [];
      if (refused || !first) callback(refused, '', 0);
      else if (options.all) callback(null, addresses);
      else callback(null, first.address, first.family);
    });
  };

  /** Rejects if the host's name resolves to a blocked address. For calls through a proxy, which resolves the name again; a name that only the proxy can resolve is allowed. */
  async checkName(url: string): Promise<void> {
    await promisify(this.lookup)(hostOf(url), { all: true }).catch((error: unknown) => {
      if (error instanceof BlockedTargetError) throw error;
    });
  }

  /** Returns the name of the range for which an address of this host is blocked; undefined if it is allowed. */
  blockedRange(host: string, text: string): string | undefined {
    const address = embeddedIpv4(ipaddr.process(text));
    const range = metadataAddresses.has(address.toString()) ? 'cloud metadata' : address.range();
    const isBlocked = range !== 'unicast' && !(clusterRanges.has(range) && isClusterName(host));
    return isBlocked && !this.isListed(host, address) ? range : undefined;
  }

  private isListed(host: string, address: Address): boolean {
    const name = plainHost(host);
    return (
      this.names.some((listed) => (listed.startsWith('*.') ? name.endsWith(listed.slice(1)) : name === listed)) ||
      isInRanges(address, this.ranges)
    );
  }
}

/** Whether only the cluster's DNS resolves this name: one label, `name.namespace.svc` or `name.namespace.svc.cluster.local`. */
function isClusterName(host: string): boolean {
  return !ipaddr.isValid(host) && /^[^.]+$|\.svc(\.cluster\.local)?$/.test(plainHost(host));
}

/** Returns the IPv4 address embedded in an IPv6 address: NAT64 (RFC 6052) or IPv4-compatible ::a.b.c.d (RFC 4291 section 2.5.5.1). Other addresses are returned unchanged. */
function embeddedIpv4(address: Address): Address {
  const bytes = address.toByteArray();
  const isCompatible = bytes.length === 16 && bytes.slice(0, 12).every((byte) => byte === 0) && address.range() === 'unicast';
  return isCompatible || address.range() === 'rfc6052' ? ipaddr.fromByteArray(bytes.slice(12)) : address;
}

function hostOf(url: string): string {
  return plainHost(new URL(url).hostname);
}
