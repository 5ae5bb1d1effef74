// Asks the client for a registry's credentials over the stream that it opened for that.
import type { CredentialSource, RegistryCredentials } from '@tscontainer/distribution/credentials';
import { loadMessage } from '@tscontainer/platform/contract-loader';
import type { AuthRequest, AuthResponse } from '@tscontainer/platform/contracts/containerd/types/transfer/registry';
import type { ServedStream } from './stream-registry.ts';

const file = 'containerd/types/transfer/registry.proto';

/** One question at a time: answers carry nothing that says which question they are for. */
export function credentialsFrom(stream: ServedStream, reference: string): CredentialSource {
  const request = loadMessage<AuthRequest>(file, 'containerd.types.transfer.AuthRequest');
  const response = loadMessage<AuthResponse>(file, 'containerd.types.transfer.AuthResponse');
  let last: Promise<unknown> = Promise.resolve();
  return (host, wwwauthenticate) => {
    const answer = last.then(async () => {
      stream.send({ typeUrl: request.typeName, value: request.encode({ host, reference, wwwauthenticate }) });
      return toCredentials(response.decode((await stream.receive()).value));
    });
    last = answer.catch(() => undefined); // the caller has the error; the next question is asked anyway
    return answer;
  };
}

function toCredentials({ authType, username, secret }: AuthResponse): RegistryCredentials | undefined {
  if (authType === 'CREDENTIALS') return { username, password: secret };
  if (authType === 'REFRESH') return secret === '' ? undefined : { identityToken: secret };
  return authType === 'HEADER' ? { header: secret } : undefined;
}
