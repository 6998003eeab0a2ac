import dns from 'node:dns';
import type { LookupFunction } from 'node:net';
import ipaddr from 'ipaddr.js';

/** The only range that webhooks may reach: addresses of the public internet (ipaddr.js names all others: private, loopback, linkLocal …). */
const publicRange = 'unicast';

/** A webhook's host is, or resolves to, an address that webhooks may not reach. */
export class BlockedTargetError extends Error {
  readonly code = 'ERR_BLOCKED_TARGET';

  constructor(host: string, range: string) {
    super(`Webhook host ${host} has an address that may not be called (${range}); WEBHOOK_ALLOW_PRIVATE=true allows it.`);
    this.name = 'BlockedTargetError';
  }
}

/** Why the address can't be a webhook, as far as its text shows; undefined: it can. Names are checked when they are resolved. */
export function checkWebhookUrl(url: string, allowPrivate: boolean): string | undefined {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (parsed?.protocol !== 'http:' && parsed?.protocol !== 'https:') return 'Webhook url must be an absolute http or https address.';
  const host = parsed.hostname.replace(/^\[|\]$/g, '');
  const range = ipaddr.isValid(host) && !allowPrivate ? blockedRange(host) : undefined;
  return range && new BlockedTargetError(host, range).message;
}

/** Resolves names as usual and refuses those with a blocked address: what is checked here is what is connected to, so no rebinding. */
export const publicLookup: LookupFunction = (hostname, options, callback) => {
  dns.lookup(hostname, { ...options, all: true }, (error, addresses) => {
    const range = addresses?.map(({ address }) => blockedRange(address)).find((blocked) => blocked !== undefined);
    const refused = error ?? (range ? new BlockedTargetError(hostname, range) : null);
    const [first] = addresses ?? [];
    if (refused || !first) callback(refused, '', 0);
    else if (options.all) callback(null, addresses);
    else callback(null, first.address, first.family);
  });
};

/** Name of the range that an address is blocked for; undefined: it is public. IPv4 in IPv6's clothes counts as IPv4. */
export function blockedRange(address: string): string | undefined {
  const range = ipaddr.process(address).range();
  return range === publicRange ? undefined : range;
}
