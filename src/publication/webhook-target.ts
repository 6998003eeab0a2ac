import dns from 'node:dns';
import type { LookupFunction } from 'node:net';
import { promisify } from 'node:util';
import ipaddr from 'ipaddr.js';
import { type Address, type AddressRange, isAddressRange, isInRanges, plainHost, readAddressRange } from '../settings/hosts.js';
import type { Settings } from '../settings/settings-schema.js';

/** Addresses at which clouds give out credentials, among them public and private ones: AWS, Azure, Alibaba, Google. */
const metadataAddresses: ReadonlySet<string> = new Set([
  '169.254.169.254',
  '168.63.129.16',
  '100.100.100.200',
  'fd00:ec2::254',
  'fd20:ce::254',
]);

/** Ranges, as ipaddr.js names them, in which the services of a cluster lie. */
const clusterRanges: ReadonlySet<string> = new Set(['private', 'uniqueLocal', 'carrierGradeNat']);

/** What WEBHOOK_ALLOW_PRIVATE=true stands for. */
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

/** A webhook's host is, or resolves to, an address that webhooks may not reach. */
export class BlockedTargetError extends Error {
  readonly code = 'ERR_BLOCKED_TARGET';

  constructor(host: string, range: string) {
    super(`Webhook host ${host} has an address that may not be called (${range}). The operator can allow it with WEBHOOK_ALLOW.`);
    this.name = 'BlockedTargetError';
  }
}

/** Why a text is no webhook address at all; undefined: it is one, though perhaps one that may not be called. */
export function webhookUrlFault(url: string): string | undefined {
  const protocol = URL.canParse(url) ? new URL(url).protocol : '';
  return protocol === 'http:' || protocol === 'https:' ? undefined : 'Webhook url must be an absolute http or https address.';
}

/** A webhook address as it may be shown: user info and query, which often hold secrets, are masked. */
export function maskWebhookUrl(url: string): string {
  const { username, password, search, protocol, host, pathname } = new URL(url);
  if (!username && !password && !search) return url;
  return `${protocol}//${username || password ? '***@' : ''}${host}${pathname}${search && '?***'}`;
}

/**
 * Which addresses webhooks may reach: public ones; private ones under the name of an in-cluster service; anything else only where
 * WEBHOOK_ALLOW lists its name or its address.
 */
export class WebhookTargets {
  private readonly names: readonly string[];
  private readonly ranges: readonly AddressRange[];

  constructor({ WEBHOOK_ALLOW, WEBHOOK_ALLOW_PRIVATE }: Pick<Settings, 'WEBHOOK_ALLOW' | 'WEBHOOK_ALLOW_PRIVATE'>) {
    const allowed = WEBHOOK_ALLOW_PRIVATE ? [...WEBHOOK_ALLOW, ...privateCidrs] : WEBHOOK_ALLOW;
    this.names = allowed.filter((item) => !isAddressRange(item));
    this.ranges = allowed.filter(isAddressRange).map(readAddressRange);
  }

  /** Throws for a host that is itself an address which may not be called. Names are checked when they are resolved. */
  check(url: string): void {
    const host = hostOf(url);
    const range = ipaddr.isValid(host) ? this.blockedRange(host, host) : undefined;
    if (range) throw new BlockedTargetError(host, range);
  }

  /** Resolves names as usual and refuses those with a blocked address: what is checked here is what is connected to, so no rebinding. */
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

  /** Rejects if the host's name resolves to a blocked address. The proxy resolves it again; a name that only the proxy knows passes. */
  async checkName(url: string): Promise<void> {
    await promisify(this.lookup)(hostOf(url), { all: true }).catch((error: unknown) => {
      if (error instanceof BlockedTargetError) throw error;
    });
  }

  /** Name of the range that an address of this host is blocked for; undefined: it may be called. */
  blockedRange(host: string, text: string): string | undefined {
    const address = translated(ipaddr.process(text));
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

/** Names that only a cluster's own DNS can resolve: one label, `name.namespace.svc`, `name.namespace.svc.cluster.local`. */
function isClusterName(host: string): boolean {
  return !ipaddr.isValid(host) && /^[^.]+$|\.svc(\.cluster\.local)?$/.test(plainHost(host));
}

/** The IPv4 address that an IPv6 one stands for: behind a NAT64 gateway (RFC 6052), or as ::a.b.c.d (RFC 4291, 2.5.5.1). Any other address as it is. */
function translated(address: Address): Address {
  const bytes = address.toByteArray();
  const isCompatible = bytes.length === 16 && bytes.slice(0, 12).every((byte) => byte === 0) && address.range() === 'unicast';
  return isCompatible || address.range() === 'rfc6052' ? ipaddr.fromByteArray(bytes.slice(12)) : address;
}

function hostOf(url: string): string {
  return plainHost(new URL(url).hostname);
}
