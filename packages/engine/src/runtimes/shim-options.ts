// The options of daemon.json's runtimes as the message that their shim reads: runc's own, or the one for all other shims.
import { ContainerError } from '@tscontainer/core/errors';
import { loadMessage } from '@tscontainer/platform/contract-loader';

/** A google.protobuf.Any whose value is kept as text: it stands in a container's record. */
export interface EncodedOptions {
  typeUrl: string;
  /** Base64. */
  value: string;
}

/** As it is sent. */
export function optionsMessage(options: EncodedOptions | undefined): { typeUrl: string; value: Buffer } | null {
  return options === undefined ? null : { typeUrl: options.typeUrl, value: Buffer.from(options.value, 'base64') };
}

type FieldKind = 'text' | 'number' | 'flag' | 'bytes';

interface OptionsMessage {
  file: string;
  name: string;
  /** By the names that docker's users write, which are Go's. */
  fields: Readonly<Record<string, FieldKind>>;
}

const runcOptions: OptionsMessage = {
  file: 'containerd/runc/v1/options.proto',
  name: 'containerd.runc.v1.Options',
  fields: {
    NoPivotRoot: 'flag',
    NoNewKeyring: 'flag',
    ShimCgroup: 'text',
    IoUid: 'number',
    IoGid: 'number',
    BinaryName: 'text',
    Root: 'text',
    SystemdCgroup: 'flag',
    CriuImagePath: 'text',
    CriuWorkPath: 'text',
  },
};

const otherOptions: OptionsMessage = {
  file: 'runtimeoptions/v1/options.proto',
  name: 'runtimeoptions.v1.Options',
  fields: { TypeUrl: 'text', ConfigPath: 'text', ConfigBody: 'bytes' },
};

const runcShims = ['io.containerd.runc.v2', 'io.containerd.ts.v2'];

/** Undefined when there are none. Throws invalid-argument naming what the shim does not take. */
export function encodeShimOptions(
  runtime: string,
  shim: string,
  options: Readonly<Record<string, unknown>>,
): EncodedOptions | undefined {
  const entries = Object.entries(options);
  if (entries.length === 0) return undefined;
  const { file, name, fields } = runcShims.includes(shim) ? runcOptions : otherOptions;
  const message: Record<string, unknown> = {};
  for (const [key, value] of entries) {
    const field = Object.keys(fields).find((each) => each.toLowerCase() === key.toLowerCase());
    if (field === undefined)
      throw invalid(`runtime ${runtime}: options: ${key}: must be one of ${Object.keys(fields).join(', ')}`);
    message[`${field[0]?.toLowerCase()}${field.slice(1)}`] = fieldValue(
      runtime,
      key,
      fields[field] as FieldKind,
      value,
    );
  }
  return { typeUrl: name, value: loadMessage<object>(file, name).encode(message).toString('base64') };
}

function fieldValue(runtime: string, key: string, kind: FieldKind, value: unknown): unknown {
  if (kind === 'bytes' && typeof value === 'string') return Buffer.from(value);
  const type = { text: 'string', number: 'number', flag: 'boolean', bytes: 'string' }[kind];
  if (typeof value !== type) throw invalid(`runtime ${runtime}: options: ${key}: must be a ${type}`);
  return value;
}

function invalid(message: string): ContainerError {
  return new ContainerError('invalid-argument', message);
}
