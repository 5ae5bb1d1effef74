// The contracts of protos/ as google.protobuf.FileDescriptorProto, for gRPC reflection. Loaded only when somebody asks.
import { globSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import protobuf from 'protobufjs';
import * as descriptor from 'protobufjs/ext/descriptor/index.js';
import { protosDirectory } from './contract-loader.ts';

export interface FileDescriptors {
  /** The file that defines a service, method, message or enum by its full name; undefined when none does. */
  fileOf(symbol: string): string | undefined;
  /** Serialized, each file after those that it imports; [] for an unknown file. */
  withImports(file: string): Buffer[];
}

type Declaration = protobuf.Type | protobuf.Enum | protobuf.Service;
/** What protobufjs' extension adds to services, too, and its types leave out. */
interface Described {
  toDescriptor(edition: string): object;
}

type MessageDescriptor = descriptor.IDescriptorProto;

interface DescribedFile {
  package: string;
  imports: string[];
  declarations: Declaration[];
}

const wellKnownPrefix = 'google/protobuf/';

export function loadFileDescriptors(): FileDescriptors {
  const directory = protosDirectory();
  const root = new protobuf.Root();
  root.resolvePath = (_origin, target) =>
    target.startsWith(wellKnownPrefix) ? target : join(directory, relative(directory, join(directory, target)));
  const names = globSync('**/*.proto', { cwd: directory });
  root.loadSync(names, { keepCase: true });
  root.resolveAll();
  const files = new Map<string, DescribedFile>();
  for (const name of names) files.set(name, headOf(readFileSync(join(directory, name), 'utf8')));
  const symbols = new Map<string, string>();
  for (const declaration of declarationsOf(root)) {
    const name = fileNameOf(declaration, directory);
    const file = files.get(name) ?? { package: 'google.protobuf', imports: [], declarations: [] };
    files.set(name, file);
    file.declarations.push(declaration);
    for (const symbol of symbolsOf(declaration)) symbols.set(symbol, name);
  }
  const serialized = new Map<string, Buffer>();
  const serialize = (name: string, file: DescribedFile): Buffer => {
    const known = serialized.get(name) ?? encode(name, file);
    serialized.set(name, known);
    return known;
  };
  const collect = (name: string, into: Map<string, Buffer>): void => {
    const file = files.get(name);
    if (file === undefined || into.has(name)) return;
    for (const imported of file.imports) collect(imported, into);
    into.set(name, serialize(name, file));
  };
  return {
    fileOf: (symbol) => symbols.get(symbol.replace(/^\./, '')),
    withImports: (name) => {
      const found = new Map<string, Buffer>();
      collect(name, found);
      return [...found.values()];
    },
  };
}

function headOf(text: string): DescribedFile {
  const imports = [...text.matchAll(/^import (?:public )?"([^"]+)";/gm)].map(([, name = '']) => name);
  return { package: /^package ([\w.]+);/m.exec(text)?.[1] ?? '', imports, declarations: [] };
}

/** Those at the top of a file; what is nested goes with its message. */
function* declarationsOf(namespace: protobuf.NamespaceBase): Iterable<Declaration> {
  for (const entry of namespace.nestedArray) {
    if (entry instanceof protobuf.Type || entry instanceof protobuf.Enum || entry instanceof protobuf.Service)
      yield entry;
    else if (entry instanceof protobuf.Namespace) yield* declarationsOf(entry);
  }
}

/** protobufjs' own well-known types have no file: each stands in the one that its name says. */
function fileNameOf({ filename, name }: Declaration, directory: string): string {
  if (filename !== null && !filename.startsWith(wellKnownPrefix)) return relative(directory, filename);
  const snake = name.replace(/(?<=[a-z])[A-Z]/g, (letter) => `_${letter}`).toLowerCase();
  return `${wellKnownPrefix}${snake}.proto`;
}

function symbolsOf(declaration: Declaration): string[] {
  const own = declaration.fullName.slice(1);
  if (declaration instanceof protobuf.Service)
    return [own, ...declaration.methodsArray.map((method) => `${own}.${method.name}`)];
  if (declaration instanceof protobuf.Enum) return [own];
  const nested = declaration.nestedArray.filter(
    (entry) => entry instanceof protobuf.Type || entry instanceof protobuf.Enum,
  );
  return [own, ...nested.flatMap((entry) => symbolsOf(entry as Declaration))];
}

function encode(name: string, file: DescribedFile): Buffer {
  const described = descriptor.FileDescriptorProto.create({
    name,
    package: file.package,
    dependency: file.imports,
    syntax: 'proto3',
  }) as unknown as descriptor.IFileDescriptorProto & Record<'messageType' | 'enumType' | 'service', object[]>;
  for (const declaration of file.declarations) {
    if (declaration instanceof protobuf.Type) described.messageType.push(messageOf(declaration));
    else if (declaration instanceof protobuf.Enum) described.enumType.push(declaration.toDescriptor('proto3'));
    else described.service.push(serviceOf(declaration));
  }
  return Buffer.from(descriptor.FileDescriptorProto.encode(described as unknown as protobuf.Message).finish());
}

function serviceOf(service: protobuf.Service): object {
  const described = (service as unknown as Described).toDescriptor('proto3') as descriptor.IServiceDescriptorProto;
  for (const [index, method] of service.methodsArray.entries()) {
    const entry = described.method?.[index];
    if (entry === undefined) continue;
    entry.inputType = method.resolvedRequestType?.fullName ?? '';
    entry.outputType = method.resolvedResponseType?.fullName ?? '';
  }
  return described;
}

/** With full names: protobufjs writes them relative to the message, which not every reader resolves. */
function messageOf(type: protobuf.Type): object {
  const described = type.toDescriptor('proto3') as unknown as MessageDescriptor;
  nameFully(type, described);
  return described;
}

function nameFully(type: protobuf.Type, described: MessageDescriptor): void {
  for (const [index, field] of type.fieldsArray.entries()) {
    const entry = described.field?.[index];
    if (entry === undefined) continue;
    if (entry.name === 'typeUrl') entry.name = 'type_url'; // see contract-loader.ts
    if (field instanceof protobuf.MapField) nameMapEntry(type, field, entry, described);
    else if (field.resolvedType !== null) entry.typeName = field.resolvedType.fullName;
  }
  for (const nested of type.nestedArray) {
    const inner = described.nestedType?.find(({ name }) => name === nested.name);
    if (nested instanceof protobuf.Type && inner !== undefined) nameFully(nested, inner);
  }
}

function nameMapEntry(
  type: protobuf.Type,
  field: protobuf.MapField,
  entry: descriptor.IFieldDescriptorProto,
  described: MessageDescriptor,
): void {
  const short = entry.typeName?.split('.').pop() ?? '';
  entry.typeName = `${type.fullName}.${short}`;
  const value = described.nestedType?.find(({ name }) => name === short)?.field?.find(({ number }) => number === 2);
  if (value !== undefined && field.resolvedType !== null) value.typeName = field.resolvedType.fullName;
}
