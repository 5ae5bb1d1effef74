// Answers a registry's challenges: basic authentication, or a bearer token fetched from its token server.
import { ContainerError } from '@tscontainer/core/errors';
import { type AuthChallenge, parseChallenges } from './auth-challenge.ts';
import type { CredentialSource, RegistryCredentials } from './credentials.ts';
import { type HttpConnector, readBody, sendHttp } from './http-exchange.ts';
import { errorFromResponse } from './registry-error.ts';
import { isLoopback } from './registry-hosts.ts';

interface Token {
  header: string;
  expiresMs: number;
}

const maxTokenBytes = 256 * 1024;
/** A token is dropped this long before its end, so that it does not die on its way. */
const expiryMarginMs = 5_000;
/** The distribution token specification's default life. */
const defaultExpirySeconds = 60;
const clientId = 'tscontainer';

/** One per pull or push: it remembers tokens by scope and asks for credentials once per host. */
export class RegistryAuthorizer {
  readonly #source: CredentialSource;
  readonly #tokens = new Map<string, Token>();
  readonly #credentials = new Map<string, Promise<RegistryCredentials | undefined>>();
  readonly #pending = new Map<string, Promise<string>>();

  constructor(source: CredentialSource) {
    this.#source = source;
  }

  /** The header for a first try; undefined when nothing is known yet. */
  known(host: string, scope: string): string | undefined {
    const token = this.#tokens.get(`${host} ${scope}`);
    return token !== undefined && token.expiresMs > Date.now() ? token.header : undefined;
  }

  /** Answers a 401. Rejects unauthenticated when there is no answer, or when the registry refused it already. */
  answer(
    connector: HttpConnector,
    url: URL,
    scope: string,
    challengeHeader: string,
    signal: AbortSignal | undefined,
  ): Promise<string> {
    const key = `${url.host} ${scope}`;
    const pending = this.#pending.get(key);
    if (pending !== undefined) return pending;
    const answer = this.#answer(connector, url, key, scope, challengeHeader, signal).finally(() =>
      this.#pending.delete(key),
    );
    this.#pending.set(key, answer);
    return answer;
  }

  async #answer(
    connector: HttpConnector,
    url: URL,
    key: string,
    scope: string,
    challengeHeader: string,
    signal: AbortSignal | undefined,
  ): Promise<string> {
    const challenges = parseChallenges(challengeHeader);
    const credentials = await this.#credentialsFor(url.host, challengeHeader);
    const token = await this.#toToken(connector, url, scope, challenges, credentials, signal);
    this.#tokens.set(key, token);
    return token.header;
  }

  async #toToken(
    connector: HttpConnector,
    url: URL,
    scope: string,
    challenges: AuthChallenge[],
    credentials: RegistryCredentials | undefined,
    signal: AbortSignal | undefined,
  ): Promise<Token> {
    const forever = Number.POSITIVE_INFINITY;
    if (credentials?.header !== undefined) return { header: credentials.header, expiresMs: forever };
    if (credentials?.registryToken !== undefined)
      return { header: `Bearer ${credentials.registryToken}`, expiresMs: forever };
    const bearer = challenges.find(({ scheme }) => scheme === 'bearer');
    if (bearer !== undefined) return this.#fetchToken(connector, url, bearer, scope, credentials, signal);
    if (challenges.some(({ scheme }) => scheme === 'basic') && credentials?.username !== undefined) {
      return { header: basicHeader(credentials), expiresMs: forever };
    }
    throw new ContainerError('unauthenticated', `Get "${url.href}": no basic auth credentials`, {
      reason: 'registry-auth',
    });
  }

  #credentialsFor(host: string, challenge: string): Promise<RegistryCredentials | undefined> {
    const known = this.#credentials.get(host) ?? this.#source(host, [challenge]);
    this.#credentials.set(host, known);
    return known;
  }

  async #fetchToken(
    connector: HttpConnector,
    registry: URL,
    challenge: AuthChallenge,
    scope: string,
    credentials: RegistryCredentials | undefined,
    signal: AbortSignal | undefined,
  ): Promise<Token> {
    const realm = realmOf(registry, challenge, credentials);
    const service = challenge.parameters.service ?? '';
    const wanted = joinedScopes(scope, challenge.parameters.scope ?? '');
    const headers: Record<string, string> = { accept: 'application/json' };
    let body: string | undefined;
    if (credentials?.identityToken !== undefined) {
      headers['content-type'] = 'application/x-www-form-urlencoded';
      body = new URLSearchParams({
        grant_type: 'refresh_token',
        service,
        scope: wanted,
        client_id: clientId,
        refresh_token: credentials.identityToken,
      }).toString();
    } else {
      if (service !== '') realm.searchParams.set('service', service);
      for (const one of wanted.split(' ')) realm.searchParams.append('scope', one);
      if (credentials?.username !== undefined) {
        realm.searchParams.set('account', credentials.username);
        headers.authorization = basicHeader(credentials);
      }
    }
    const response = await sendHttp(connector, {
      method: body === undefined ? 'GET' : 'POST',
      url: realm,
      headers,
      signal,
      ...(body === undefined ? {} : { body }),
    });
    if (response.statusCode !== 200)
      throw await errorFromResponse(`fetch token ${realm.origin}${realm.pathname}`, response);
    return tokenFromJson(realm, await readBody(response, maxTokenBytes));
  }
}

/** Ours and what the registry named: a mount needs two repositories where the challenge names one. */
function joinedScopes(ours: string, named: string): string {
  return [...new Set(`${ours} ${named}`.split(' '))].filter((text) => text !== '').join(' ');
}

function basicHeader(credentials: RegistryCredentials): string {
  return `Basic ${Buffer.from(`${credentials.username ?? ''}:${credentials.password ?? ''}`).toString('base64')}`;
}

function realmOf(registry: URL, challenge: AuthChallenge, credentials: RegistryCredentials | undefined): URL {
  const text = challenge.parameters.realm ?? '';
  if (!URL.canParse(text))
    throw new ContainerError(
      'failed-precondition',
      `authenticate at ${registry.host}: malformed realm ${JSON.stringify(text)}`,
    );
  const realm = new URL(text);
  const leaksSecret =
    credentials !== undefined &&
    realm.protocol === 'http:' &&
    registry.protocol === 'https:' &&
    !isLoopback(realm.host);
  if (leaksSecret)
    throw new ContainerError(
      'failed-precondition',
      `authenticate at ${registry.host}: token server ${realm.origin} is plain HTTP`,
    );
  return realm;
}

function tokenFromJson(realm: URL, body: Buffer): Token {
  let answer: { token?: string; access_token?: string; expires_in?: number };
  try {
    answer = JSON.parse(body.toString('utf8'));
  } catch (error) {
    throw new ContainerError('unavailable', `fetch token ${realm.origin}: answer is not JSON`, { cause: error });
  }
  const token = answer.token || answer.access_token;
  if (!token) throw new ContainerError('unauthenticated', `fetch token ${realm.origin}: no token in the answer`);
  const lifeMs = Math.max(answer.expires_in ?? defaultExpirySeconds, defaultExpirySeconds) * 1000;
  return { header: `Bearer ${token}`, expiresMs: Date.now() + lifeMs - expiryMarginMs };
}
