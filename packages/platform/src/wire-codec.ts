// Protobuf by field tables, in the message form of contract-loader.ts; the ttrpc side and the shim use it.
//
// Why not protobufjs here: a shim lives as long as its containers, and reflection over .proto files costs each one
// about 6 MiB of private memory and 50 ms at start (docs/decisions/0002). The tables are generated from the same files.
import { ContainerError } from '@tscontainer/core/errors';
import type { MessageCodec } from './contract-loader.ts';
import { enumTables, messageTables, serviceTables } from './contracts/wire-tables.ts';
import { WireReader, WireWriter, wireTypes } from './wire-format.ts';

interface Field {
  number: number;
  name: string;
  form: 'single' | 'repeated' | 'map';
  scalar: string;
  /** Of a message or enum. */
  typeName: string;
}

interface MessageShape {
  fields: Field[];
  byNumber: Map<number, Field>;
}

type Plain = Record<string, unknown>;

/** Compiled at first use, one per message type. */
const shapes = new Map<string, MessageShape>();
const namesByNumber = new Map<string, Map<number, string>>();

function shapeOf(typeName: string): MessageShape {
  const known = shapes.get(typeName);
  if (known !== undefined) return known;
  const table = messageTables[typeName];
  if (table === undefined) throw new ContainerError('internal', `wire codec: no table of ${typeName}`);
  const fields = table.map(([number, name, kind]) => fieldOf(number, name, kind));
  const shape = { fields, byNumber: new Map(fields.map((field) => [field.number, field])) };
  shapes.set(typeName, shape);
  return shape;
}

function fieldOf(number: number, name: string, kind: string): Field {
  const words = kind.split(' ');
  const form = words[0] === 'repeated' || words[0] === 'map' ? (words.shift() as 'repeated' | 'map') : 'single';
  return { number, name, form, scalar: words[0] ?? '', typeName: words[1] ?? '' };
}

function enumNames(typeName: string): Map<number, string> {
  let names = namesByNumber.get(typeName);
  if (names === undefined) {
    names = new Map(Object.entries(enumTables[typeName] ?? {}).map(([name, number]) => [number, name]));
    namesByNumber.set(typeName, names);
  }
  return names;
}

function defaultOf(field: Field): unknown {
  if (field.form === 'repeated') return [];
  if (field.form === 'map') return {};
  if (field.scalar === 'message') return null;
  if (field.scalar === 'enum') return enumNames(field.typeName).get(0) ?? 0;
  if (field.scalar === 'string') return '';
  if (field.scalar === 'bytes') return Buffer.alloc(0);
  return field.scalar === 'bool' ? false : 0;
}

function isDefault(field: Field, value: unknown): boolean {
  if (value === undefined || value === null) return true;
  if (field.scalar === 'message') return false;
  if (field.scalar === 'bytes') return (value as Uint8Array).length === 0;
  return (
    value === '' ||
    value === 0 ||
    value === false ||
    (field.scalar === 'enum' && value === enumNames(field.typeName).get(0))
  );
}

function writeValue(writer: WireWriter, field: Field, value: unknown): void {
  if (field.scalar === 'message') writer.bytes(encodeMessage(field.typeName, value as Plain));
  else if (field.scalar === 'enum')
    writer.varint(typeof value === 'number' ? value : (enumTables[field.typeName]?.[value as string] ?? 0));
  else writer.scalar(field.scalar, value);
}

function writeMap(writer: WireWriter, field: Field, entries: Plain): void {
  for (const [key, value] of Object.entries(entries)) {
    const entry = new WireWriter();
    entry.tag(1, wireTypes.bytes);
    entry.scalar('string', key);
    entry.tag(2, writer.wireTypeOf(field.scalar));
    writeValue(entry, field, value);
    writer.tag(field.number, wireTypes.bytes);
    writer.bytes(entry.finish());
  }
}

function writeRepeated(writer: WireWriter, field: Field, values: unknown[]): void {
  const wireType = writer.wireTypeOf(field.scalar);
  if (wireType === wireTypes.bytes) {
    for (const value of values) {
      writer.tag(field.number, wireType);
      writeValue(writer, field, value);
    }
  } else if (values.length > 0) {
    const packed = new WireWriter();
    for (const value of values) writeValue(packed, field, value);
    writer.tag(field.number, wireTypes.bytes);
    writer.bytes(packed.finish());
  }
}

function encodeMessage(typeName: string, message: Plain): Buffer {
  const writer = new WireWriter();
  for (const field of shapeOf(typeName).fields) {
    const value = message[field.name];
    if (value === undefined || value === null) continue;
    if (field.form === 'map') writeMap(writer, field, value as Plain);
    else if (field.form === 'repeated') writeRepeated(writer, field, value as unknown[]);
    else if (!isDefault(field, value)) {
      writer.tag(field.number, writer.wireTypeOf(field.scalar));
      writeValue(writer, field, value);
    }
  }
  return writer.finish();
}

function readValue(reader: WireReader, field: Field): unknown {
  if (field.scalar === 'message') return decodeMessage(field.typeName, reader.bytes());
  if (field.scalar !== 'enum') return reader.scalar(field.scalar);
  const number = reader.signedVarint();
  return enumNames(field.typeName).get(number) ?? number;
}

function readMapEntry(field: Field, bytes: Buffer, into: Plain): void {
  const reader = new WireReader(bytes);
  let key = '';
  let value = defaultOf({ ...field, form: 'single' });
  while (!reader.isAtEnd) {
    const { number, wireType } = reader.tag();
    if (number === 1) key = reader.scalar('string') as string;
    else if (number === 2) value = readValue(reader, field);
    else reader.skip(wireType);
  }
  into[key] = value;
}

function readField(reader: WireReader, field: Field, wireType: number, message: Plain): void {
  if (field.form === 'map') readMapEntry(field, reader.bytes(), message[field.name] as Plain);
  else if (field.form === 'single') message[field.name] = readValue(reader, field);
  else if (wireType === wireTypes.bytes && reader.wireTypeOf(field.scalar) !== wireTypes.bytes) {
    const packed = new WireReader(reader.bytes());
    while (!packed.isAtEnd) (message[field.name] as unknown[]).push(readValue(packed, field));
  } else (message[field.name] as unknown[]).push(readValue(reader, field));
}

/** A field that was sent as another type is unknown to us, as in every protobuf. */
function isReadable(field: Field, wireType: number, reader: WireReader): boolean {
  if (field.form === 'map') return wireType === wireTypes.bytes;
  const expected = reader.wireTypeOf(field.scalar);
  return wireType === expected || (field.form === 'repeated' && wireType === wireTypes.bytes);
}

function decodeMessage(typeName: string, bytes: Uint8Array): Plain {
  const { fields, byNumber } = shapeOf(typeName);
  const message: Plain = {};
  for (const field of fields) message[field.name] = defaultOf(field);
  const reader = new WireReader(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  while (!reader.isAtEnd) {
    const { number, wireType } = reader.tag();
    const field = byNumber.get(number);
    if (field === undefined || !isReadable(field, wireType, reader)) reader.skip(wireType);
    else readField(reader, field, wireType, message);
  }
  return message;
}

/** Encodes and decodes one message type of the tables. Decoding throws invalid-argument on bytes that are no protobuf. */
export function wireMessage<T extends object>(typeName: string): MessageCodec<T> {
  return {
    typeName,
    encode: (message) => encodeMessage(typeName, message as Plain),
    decode: (bytes) => decodeMessage(typeName, bytes) as T,
  };
}

/** What ttrpc needs to know of a method; proto-loader's service definitions have it too. */
export interface MethodContract {
  requestSerialize(request: any): Buffer;
  requestDeserialize(bytes: Buffer): object;
  responseSerialize(response: any): Buffer;
  responseDeserialize(bytes: Buffer): object;
}

export type ServiceContract = Record<string, MethodContract>;

/** A service of the tables by its full name, e.g. `containerd.task.v2.Task`. */
export function wireService(name: string): ServiceContract {
  const table = serviceTables[name];
  if (table === undefined) throw new ContainerError('internal', `wire codec: no table of ${name}`);
  const contracts = Object.entries(table).map(([method, [request, response]]): [string, MethodContract] => [
    method,
    {
      requestSerialize: (message) => encodeMessage(request, message),
      requestDeserialize: (bytes) => decodeMessage(request, bytes),
      responseSerialize: (message) => encodeMessage(response, message),
      responseDeserialize: (bytes) => decodeMessage(response, bytes),
    },
  ]);
  return Object.fromEntries(contracts);
}
