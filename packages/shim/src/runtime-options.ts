// What a client may set about the runtime: containerd.runc.v1.Options, the message that all clients of runc send.
import { ContainerError } from '@tscontainer/core/errors';
import { wireMessage } from '@tscontainer/platform/wire-codec';

export interface ShimRuntimeOptions {
  noPivotRoot: boolean;
  noNewKeyring: boolean;
  systemdCgroup: boolean;
  /** Another OCI runtime's program in place of our own; '' is ours. */
  binaryName: string;
  root: string;
  /** Where criu works and logs when a checkpoint is restored; '' is the bundle. */
  criuWorkPath: string;
}

const optionsCodec = wireMessage<ShimRuntimeOptions>('containerd.runc.v1.Options');

/** Throws invalid-argument for an unknown message. */
export function readRuntimeOptions(options: { typeUrl: string; value: Uint8Array } | null): ShimRuntimeOptions {
  const typeName = options?.typeUrl.slice(options.typeUrl.lastIndexOf('/') + 1) ?? '';
  const known = typeName === '' || typeName === 'containerd.runc.v1.Options';
  if (!known)
    throw new ContainerError('invalid-argument', `create task: runtime options of type ${typeName} are not understood`);
  return optionsCodec.decode(options?.value ?? Buffer.alloc(0));
}
