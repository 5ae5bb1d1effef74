// Asks a lifecycle daemon of ours to start a process in the call that makes it: one call less on the way of each start.
import { type CallOptions, startedKey, startKey } from '@tscontainer/platform/call-context';
import type { ContainerdClient } from './containerd-client.ts';

export interface MadeProcess<Answer> {
  answer: Answer;
  /** Undefined when the daemon did not start it: then Tasks.Start is the caller's. */
  startedPid: number | undefined;
}

/** `make` is Tasks.Create or Tasks.Exec. It rejects with the failure of either step; what was made is the caller's to undo. */
export async function askingForStart<Answer>(
  client: ContainerdClient,
  isWanted: boolean,
  make: (options: CallOptions) => Promise<Answer>,
): Promise<MadeProcess<Answer>> {
  if (!isWanted || !client.connection.hasUnaryMetadata) return { answer: await make({}), startedPid: undefined };
  let startedPid: number | undefined;
  const onMetadata = (metadata: ReadonlyMap<string, string>) => {
    const pid = metadata.get(startedKey);
    if (pid !== undefined) startedPid = Number(pid);
  };
  const answer = await make({ metadata: { [startKey]: '1' }, onMetadata });
  return { answer, startedPid };
}
