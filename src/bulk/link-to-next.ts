import type { Request } from 'express';

/** Value of the Link header that leads to the next page of a listing: an address relative to the request's own, which is right behind any gateway. */
export function linkToNext({ originalUrl }: Pick<Request, 'originalUrl'>, cursor: string): string {
  const { pathname, searchParams } = new URL(originalUrl, 'http://localhost');
  searchParams.set('cursor', cursor);
  return `<${pathname.split('/').at(-1)}?${searchParams}>; rel="next"`;
}
