import type { Request } from 'express';

/** Value of the Link header that leads to the next page of a listing. */
export function linkToNext(request: Request, cursor: string): string {
  const address = new URL(request.originalUrl, `${request.protocol}://${request.get('host') ?? 'localhost'}`);
  address.searchParams.set('cursor', cursor);
  return `<${address.href}>; rel="next"`;
}
