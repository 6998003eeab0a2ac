import ipaddr from 'ipaddr.js';

export type Address = ipaddr.IPv4 | ipaddr.IPv6;
export type AddressRange = ReturnType<typeof ipaddr.parseCIDR>;

/** Normalizes a host: lower case, without the brackets of an IPv6 address and without a trailing dot. */
export function plainHost(host: string): string {
  return host
    .toLowerCase()
    .replace(/^\[(.*)\]$/, '$1')
    .replace(/\.$/, '');
}

/** Whether a string is an IP address: four decimal numbers, or IPv6 without brackets. */
export function isAddress(text: string): boolean {
  return ipaddr.IPv4.isValidFourPartDecimal(text) || ipaddr.IPv6.isValid(text);
}

/** Whether a string is an IP address or a CIDR range. */
export function isAddressRange(text: string): boolean {
  return isAddress(text.replace(/\/\d+$/, '')) && (ipaddr.isValidCIDR(text) || isAddress(text));
}

/** Reads a CIDR range; a single address is a range of one. */
export function readAddressRange(text: string): AddressRange {
  if (text.includes('/')) return ipaddr.parseCIDR(text);
  const address = ipaddr.process(text);
  return [address, address.toByteArray().length * 8] as AddressRange;
}

/** Whether one of the ranges contains the address. IPv4 and IPv6 never match each other. */
export function isInRanges(address: Address, ranges: readonly AddressRange[]): boolean {
  return ranges.some(
    (range) => range[0].kind() === address.kind() && address.match(range as [ipaddr.IPv4, number] & [ipaddr.IPv6, number]),
  );
}
