// Loads the contracts of protos/ once per process; gRPC servers and clients and ttrpc take their services from here.
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { MessageTypeDefinition, ServiceDefinition } from '@grpc/proto-loader';
import * as protoLoader from '@grpc/proto-loader';
import { ContainerError } from '@tscontainer/core/errors';
import protobuf from 'protobufjs';

const candidates = ['./protos', '../../../protos'].map((path) => fileURLToPath(new URL(path, import.meta.url)));

export function protosDirectory(): string {
  const found = candidates.find((path) => existsSync(path));
  if (found === undefined)
    throw new ContainerError('internal', `load contracts: none of ${candidates.join(', ')} exists`);
  return found;
}

// protobufjs brings its own google.protobuf.Any, whose type_url escapes keepCase: unlike every other field it would be
// snake case, and a message with typeUrl would lose its type without an error. So Any is declared here once more.
protobuf.common('any', {
  Any: {
    fields: {
      typeUrl: { type: 'string', id: 1 },
      value: { type: 'bytes', id: 2 },
    },
  },
});

const loaded = new Map<string, protoLoader.PackageDefinition>();

/** One file of protos/, by its path there, with everything it imports. */
function load(file: string): protoLoader.PackageDefinition {
  const known = loaded.get(file);
  if (known !== undefined) return known;
  const definition = protoLoader.loadSync(file, {
    includeDirs: [protosDirectory()],
    keepCase: false,
    longs: Number,
    enums: String,
    defaults: true,
    oneofs: true,
  });
  loaded.set(file, definition);
  return definition;
}

function find(file: string, name: string): protoLoader.AnyDefinition {
  const definition = load(file)[name];
  if (definition === undefined) throw new ContainerError('internal', `load contract ${file}: no ${name} there`);
  return definition;
}

/** A service by its full name, e.g. `containerd.services.tasks.v1.Tasks`. */
export function loadService(file: string, name: string): ServiceDefinition {
  return find(file, name) as ServiceDefinition;
}

export interface MessageCodec<T> {
  /** Full name, as in a google.protobuf.Any's typeUrl. */
  typeName: string;
  encode(message: Partial<T>): Buffer;
  decode(bytes: Uint8Array): T;
}

/** Encodes and decodes one message type, e.g. `containerd.events.TaskExit`. */
export function loadMessage<T extends object>(file: string, name: string): MessageCodec<T> {
  const definition = find(file, name) as MessageTypeDefinition<object, object>;
  return {
    typeName: name,
    encode: (message) => definition.serialize(message),
    decode: (bytes) => definition.deserialize(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)) as T,
  };
}
