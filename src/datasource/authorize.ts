import { type BearerTokens, readTokenFile } from './bearer-tokens.js';
import type { Datasource } from './datasource.js';

/** The headers that show who asks. Rejects with a DatasourceError where a token file or token endpoint gives no token. */
export async function authorize(datasource: Datasource, tokens: BearerTokens): Promise<Record<string, string>> {
  const { authentication } = datasource;
  switch (authentication.type) {
    case 'basic':
      return { authorization: `Basic ${Buffer.from(`${authentication.username}:${authentication.password}`).toString('base64')}` };
    case 'bearer':
      return { authorization: `Bearer ${authentication.token ?? (await readTokenFile(datasource, authentication.tokenFilePath ?? ''))}` };
    case 'oauth2':
      return { authorization: `Bearer ${await tokens.tokenFor(datasource, authentication)}` };
    case 'api_key':
      return { [authentication.header]: authentication.apiKey };
    case 'none':
    case 'mtls':
      return {};
  }
}
