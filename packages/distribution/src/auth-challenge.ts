// Parses WWW-Authenticate (RFC 9110, 11.6.1) into its challenges; the authorizer answers them.

export interface AuthChallenge {
  /** Lower case: `bearer`, `basic`. */
  scheme: string;
  /** Names in lower case. */
  parameters: Record<string, string>;
}

const parameterPattern = /^([!#$%&'*+.^_`|~\w-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))\s*,?\s*/;
const schemePattern = /^([!#$%&'*+.^_`|~\w-]+)(?:\s+|$)/;

/** One header value may hold several challenges; what cannot be read ends the parse. */
export function parseChallenges(header: string): AuthChallenge[] {
  const challenges: AuthChallenge[] = [];
  let rest = header.trim();
  while (rest !== '') {
    const parameter = parameterPattern.exec(rest);
    const current = challenges.at(-1);
    if (parameter !== null && current !== undefined) {
      current.parameters[(parameter[1] as string).toLowerCase()] =
        parameter[2]?.replace(/\\(.)/g, '$1') ?? parameter[3] ?? '';
      rest = rest.slice(parameter[0].length);
      continue;
    }
    const scheme = schemePattern.exec(rest);
    if (scheme === null) break;
    challenges.push({ scheme: (scheme[1] as string).toLowerCase(), parameters: {} });
    rest = rest.slice(scheme[0].length).replace(/^,\s*/, '');
  }
  return challenges;
}
