import type { RequestHandler } from 'express';
import { plainHost } from '../settings/setting-types.js';
import type { Settings } from '../settings/settings-schema.js';
import { RejectedRequest } from '../sizing/bulk-request.js';

/** The parts of a request that show its origin. Raw header values; undefined if absent. */
export interface Origins {
  readonly method: string;
  readonly path: string;
  readonly origin?: string;
  readonly secFetchSite?: string;
  readonly host?: string;
  readonly contentType?: string;
}

type PageSettings = Pick<Settings, 'CORS_ORIGINS' | 'ALLOWED_HOSTS'>;

/** Methods that change nothing. */
const safeMethods = new Set(['GET', 'HEAD', 'OPTIONS']);

/** Paths that probes and scrapers request at a pod's address. */
const probePaths = /^\/(health|metrics)(\/|$)/;

/**
 * Returns why a request is rejected, because a web page of another origin may have sent it; undefined if it is allowed. Browsers send the page's origin
 * in `Origin` and, to trustworthy URLs, its relation to the target in `Sec-Fetch-Site`; programs send neither. Browsers send JSON to another origin only
 * after a preflight.
 */
export function foreignFault(request: Origins, { CORS_ORIGINS = [], ALLOWED_HOSTS }: PageSettings): string | undefined {
  const { method, path, origin, secFetchSite, host, contentType } = request;
  // Browsers always send a host; Kruize's nginx sends none.
  if (ALLOWED_HOSTS && host !== undefined && !probePaths.test(path) && !ALLOWED_HOSTS.includes(plainHost(host.replace(/:\d+$/, '')))) {
    return `Host ${shown(host)} is not allowed. To allow it, add it to ALLOWED_HOSTS`;
  }
  if (safeMethods.has(method) || (origin !== undefined && CORS_ORIGINS.includes(origin))) return undefined;
  const isJson = /^application\/json\s*(;|$)/i.test(contentType ?? '');
  const isForeign =
    secFetchSite !== undefined
      ? !['same-origin', 'none'].includes(secFetchSite)
      : origin !== undefined && (origin === 'null' || (!isOwn(origin, host) && !isJson));
  return isForeign
    ? `A page of ${origin === undefined ? 'another site' : shown(origin)} may not do this. To allow it, add its origin to CORS_ORIGINS`
    : undefined;
}

/** Express middleware: responds with 403 to requests that `foreignFault` rejects. */
export function refuseForeignPages(settings: PageSettings): RequestHandler {
  return (request, _, next) => {
    const { method, path } = request;
    const [origin, host] = [request.get('origin'), request.get('host')];
    const [secFetchSite, contentType] = [request.get('sec-fetch-site'), request.get('content-type')];
    const fault = foreignFault({ method, path, origin, secFetchSite, host, contentType }, settings);
    next(fault === undefined ? undefined : new RejectedRequest(403, fault));
  };
}

function isOwn(origin: string, host: string | undefined): boolean {
  return URL.canParse(origin) && new URL(origin).host === host?.toLowerCase();
}

function shown(value = '(none)'): string {
  return value.slice(0, 200);
}
