import type { NextFunction, Request, RequestHandler, Response } from 'express';
import { RejectedRequest } from '../bulk/rejected-request.js';
import { plainHost } from '../settings/hosts.js';
import type { Settings } from '../settings/settings-schema.js';

/** What of a request says where it comes from. Header values as they were sent; absent = undefined. */
export interface Origins {
  readonly method: string;
  readonly path: string;
  readonly origin?: string;
  readonly secFetchSite?: string;
  readonly host?: string;
  readonly contentType?: string;
}

type PageSettings = Pick<Settings, 'CORS_ORIGINS' | 'ALLOWED_HOSTS'>;

/** Requests that change nothing. */
const harmless = new Set(['GET', 'HEAD', 'OPTIONS']);

/** Paths that probes and scrapers ask by the address of a pod. */
const probed = /^\/(health|metrics)(\/|$)/;

/**
 * Why a request is refused that a page of strangers may have sent; undefined when it is not. A browser names the page in `Origin` and, towards addresses
 * that it trusts, its relation to us in `Sec-Fetch-Site`; programs send neither. JSON it sends to another site only after a preflight.
 */
export function foreignFault(request: Origins, { CORS_ORIGINS = [], ALLOWED_HOSTS }: PageSettings): string | undefined {
  const { method, path, origin, secFetchSite, host, contentType } = request;
  // Browsers always send a host; Kruize's nginx sends none.
  if (ALLOWED_HOSTS && host !== undefined && !probed.test(path) && !ALLOWED_HOSTS.includes(hostnameOf(host))) {
    return `Host ${shown(host)} is not allowed; ALLOWED_HOSTS names those that are`;
  }
  if (harmless.has(method) || (origin !== undefined && CORS_ORIGINS.includes(origin))) return undefined;
  const isForeign =
    secFetchSite !== undefined
      ? !['same-origin', 'none'].includes(secFetchSite)
      : origin !== undefined && (origin === 'null' || (!isOwn(origin, host) && !isJson(contentType)));
  return isForeign
    ? `A page of ${origin === undefined ? 'another site' : shown(origin)} may not do this. To allow it, add its origin to CORS_ORIGINS`
    : undefined;
}

/** Express middleware: 403 for what a page of strangers sends. */
export function refuseForeignPages(settings: PageSettings): RequestHandler {
  return (request: Request, _: Response, next: NextFunction) => {
    const header = (name: string) => request.get(name);
    const fault = foreignFault(
      {
        method: request.method,
        path: request.path,
        origin: header('origin'),
        secFetchSite: header('sec-fetch-site'),
        host: header('host'),
        contentType: header('content-type'),
      },
      settings,
    );
    next(fault === undefined ? undefined : new RejectedRequest(403, fault));
  };
}

function isOwn(origin: string, host: string | undefined): boolean {
  return URL.canParse(origin) && new URL(origin).host === host?.toLowerCase();
}

function isJson(contentType: string | undefined): boolean {
  return /^application\/json\s*(;|$)/i.test(contentType ?? '');
}

/** The name or address in a Host header, without its port. */
function hostnameOf(host = ''): string {
  return plainHost(host.replace(/:\d+$/, ''));
}

function shown(value = 'nowhere'): string {
  return value.slice(0, 200);
}
