import type { Authentication, Datasource } from './datasource.js';

/** What tells apart the datasources whose samples differ: to be put into keys under which answers are kept. */
export function identityOf({ name, url, authentication }: Datasource): unknown {
  return [name, url, tenantOf(authentication)];
}

/** What of the credentials decides whose samples are answered: one address serves many tenants. Passwords and tokens change, samples do not. */
function tenantOf(authentication: Authentication): unknown {
  if (authentication.type === 'basic') return authentication.username;
  if (authentication.type === 'api_key') return [authentication.header, authentication.apiKey];
  return authentication.type === 'oauth2' ? authentication.clientId : undefined;
}
