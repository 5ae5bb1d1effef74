// Writes packages/platform/src/contracts/ from protos/: one TypeScript file per contract, types alone.
// Run by hand after a change to protos/; `--check` writes nothing and fails when a file is out of date.
import { existsSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import protobuf from 'protobufjs';

const protosDirectory = path.resolve(import.meta.dirname, '../protos');
const contractsDirectory = path.resolve(import.meta.dirname, '../packages/platform/src/contracts');
/** Written by hand: the shapes of methods. */
const formsFile = 'message-forms.ts';
/** Made by generate-wire-tables.ts, which has a check of its own. */
const wireTablesFile = 'wire-tables.ts';
/** Where the types go that protobufjs brings itself: Any, Empty, FieldMask, Timestamp. */
const wellKnownFile = 'google/protobuf/well-known.ts';
const lineWidth = 120;

const scalarTypes: Record<string, string> = {
  bool: 'boolean',
  string: 'string',
  bytes: 'Buffer',
};

type Declaration = protobuf.Type | protobuf.Enum | protobuf.Service;

// As packages/platform/src/contract-loader.ts declares it: with fields in camel case.
protobuf.common('any', {
  Any: {
    fields: {
      typeUrl: { type: 'string', id: 1 },
      value: { type: 'bytes', id: 2 },
    },
  },
});

function loadContracts(): protobuf.Root {
  const root = new protobuf.Root();
  root.resolvePath = (_origin, target) => path.resolve(protosDirectory, target);
  const files = globSync('**/*.proto', { cwd: protosDirectory }).sort();
  root.loadSync(files, { keepCase: false, alternateCommentMode: true });
  root.resolveAll();
  return root;
}

/** Where a declaration is written, e.g. `containerd/types/mount.ts`. */
function outputFile(declaration: protobuf.ReflectionObject): string {
  if (declaration.filename === null) return wellKnownFile;
  return path.relative(protosDirectory, declaration.filename).replace(/\.proto$/, '.ts');
}

/** Nested messages are named after their owners: `Container.Runtime` is `ContainerRuntime`. */
function typeName(declaration: protobuf.ReflectionObject): string {
  const owner = declaration.parent;
  return owner instanceof protobuf.Type ? typeName(owner) + declaration.name : declaration.name;
}

function declarationsOf(namespace: protobuf.NamespaceBase): Declaration[] {
  return namespace.nestedArray.flatMap((entry): Declaration[] => {
    if (entry instanceof protobuf.Type) return [entry, ...declarationsOf(entry)];
    if (entry instanceof protobuf.Enum) return [entry];
    if (entry instanceof protobuf.Service) return [entry];
    return entry instanceof protobuf.Namespace ? declarationsOf(entry) : [];
  });
}

function messagesIn(declaration: Declaration): (protobuf.Type | protobuf.Enum)[] {
  if (declaration instanceof protobuf.Type) {
    return declaration.fieldsArray.flatMap((field) => field.resolvedType ?? []);
  }
  if (declaration instanceof protobuf.Service) {
    return declaration.methodsArray.flatMap((method) => [requestType(method), responseType(method)]);
  }
  return [];
}

function requestType(method: protobuf.Method): protobuf.Type {
  return resolved(method, method.resolvedRequestType);
}

function responseType(method: protobuf.Method): protobuf.Type {
  return resolved(method, method.resolvedResponseType);
}

function resolved(method: protobuf.Method, type: protobuf.Type | null): protobuf.Type {
  if (type === null) throw new Error(`generate contracts: ${method.fullName}: a type is not in any contract`);
  return type;
}

function fieldLines(field: protobuf.Field): string[] {
  const single = field.resolvedType === null ? (scalarTypes[field.type] ?? 'number') : typeName(field.resolvedType);
  if (field.map) return [`${field.name}: Record<string, ${single}>;`];
  if (field.repeated) return [`${field.name}: ${single}[];`];
  const value = field.resolvedType instanceof protobuf.Type ? `${single} | null` : single;
  if (field.partOf === null) return [`${field.name}: ${value};`];
  return [`${field.name}?: ${value};`, ...(isSelector(field) ? selectorLines(field.partOf) : [])];
}

function isSelector(field: protobuf.Field): boolean {
  return field.partOf?.fieldsArray[0] === field;
}

/** The virtual field that names which member of a oneof is set. */
function selectorLines(oneof: protobuf.OneOf | null): string[] {
  if (oneof === null) return [];
  return [`${oneof.name}?: ${oneof.fieldsArray.map((field) => `'${field.name}'`).join(' | ')};`];
}

function comment(text: string | null, indent = ''): string {
  return text === null ? '' : `${indent}/** ${text.replaceAll(/\s+/g, ' ').trim()} */\n`;
}

function writeMessage(message: protobuf.Type): string {
  const head = comment(message.comment);
  if (message.fieldsArray.length === 0) return `${head}export type ${typeName(message)} = Record<string, never>;\n`;
  const lines = message.fieldsArray.flatMap(fieldLines).map((line) => `  ${line}\n`);
  return `${head}export interface ${typeName(message)} {\n${lines.join('')}}\n`;
}

function writeEnum(enumeration: protobuf.Enum): string {
  const names = Object.keys(enumeration.values).map((name) => `'${name}'`);
  const line = `export type ${typeName(enumeration)} = ${names.join(' | ')};`;
  const split = `export type ${typeName(enumeration)} =\n  | ${names.join('\n  | ')};`;
  return `${comment(enumeration.comment)}${line.length <= lineWidth ? line : split}\n`;
}

function shapeOf(method: protobuf.Method): string {
  if (method.requestStream) return 'Duplex';
  return method.responseStream ? 'ServerStream' : 'Unary';
}

function writeService(service: protobuf.Service): string {
  const methods = service.methodsArray.map((method) => {
    const types = [requestType(method), responseType(method)].map(typeName);
    return `  ${method.name}: ${shapeOf(method)}<${types.join(', ')}>;\n`;
  });
  return `${comment(service.comment)}export interface ${service.name} {\n${methods.join('')}}\n`;
}

function writeDeclaration(declaration: Declaration): string {
  if (declaration instanceof protobuf.Service) return writeService(declaration);
  return declaration instanceof protobuf.Enum ? writeEnum(declaration) : writeMessage(declaration);
}

function importLine(from: string, names: string[]): string {
  const sorted = names.toSorted();
  const line = `import type { ${sorted.join(', ')} } from '${from}';`;
  return line.length <= lineWidth ? line : `import type {\n  ${sorted.join(',\n  ')},\n} from '${from}';`;
}

/** What a declaration names: the file of each type. */
function references(declaration: Declaration): [name: string, file: string][] {
  const types = messagesIn(declaration).map((type): [string, string] => [typeName(type), outputFile(type)]);
  if (!(declaration instanceof protobuf.Service)) return types;
  return [...types, ...declaration.methodsArray.map((method): [string, string] => [shapeOf(method), formsFile])];
}

function importsOf(file: string, declarations: Declaration[]): string[] {
  const fileOf = new Map(declarations.map((declaration) => [typeName(declaration), file]));
  for (const [name, source] of declarations.flatMap(references)) {
    // An alias would be due then; no contract needs one so far.
    if ((fileOf.get(name) ?? source) !== source)
      throw new Error(`generate contracts: ${file}: two types named ${name}`);
    fileOf.set(name, source);
  }
  return [...Map.groupBy(fileOf, ([, source]) => source)]
    .filter(([source]) => source !== file)
    .map(([source, names]): [string, string[]] => [relativeSpecifier(file, source), names.map(([name]) => name)])
    .sort(([a], [b]) => compareSpecifiers(a, b))
    .map(([specifier, names]) => importLine(specifier, names));
}

function relativeSpecifier(file: string, source: string): string {
  const relative = path.relative(path.dirname(file), source);
  return relative.startsWith('.') ? relative : `./${relative}`;
}

/** The formatter's order: the farther the file, the earlier. */
function compareSpecifiers(a: string, b: string): number {
  const depth = (specifier: string) => specifier.split('../').length;
  return depth(b) - depth(a) || (a < b ? -1 : 1);
}

/** Every file that is to be there, by its path under contracts/. */
function writeContracts(root: protobuf.Root): Map<string, string> {
  const declarations = declarationsOf(root);
  const used = new Set(declarations.filter((entry) => entry.filename !== null).flatMap(messagesIn));
  const wanted = declarations.filter((entry) => entry.filename !== null || used.has(entry as protobuf.Type));
  const files = [...Map.groupBy(wanted, outputFile)];
  return new Map(files.map(([file, entries]) => [file, writeContract(file, entries)]));
}

function writeContract(file: string, entries: Declaration[]): string {
  const source = file === wellKnownFile ? 'google/protobuf' : `protos/${file.replace(/\.ts$/, '.proto')}`;
  const head = `// Types of ${source}, written by scripts/generate-contracts.ts.\n`;
  const imports = importsOf(file, entries).map((line) => `${line}\n`);
  return `${head}${imports.join('')}\n${entries.map(writeDeclaration).join('\n')}`;
}

function isGenerated(file: string): boolean {
  return file !== formsFile && file !== wireTablesFile && !file.endsWith('.test.ts');
}

function read(file: string): string | undefined {
  const target = path.join(contractsDirectory, file);
  return existsSync(target) ? readFileSync(target, 'utf8') : undefined;
}

/** Files that differ from what protos/ says, those that no contract stands behind included. */
function findStale(contracts: Map<string, string>): string[] {
  const present = globSync('**/*.ts', { cwd: contractsDirectory }).filter(isGenerated);
  const files = new Set([...contracts.keys(), ...present]);
  return [...files].filter((file) => read(file) !== contracts.get(file));
}

function update(file: string, text: string | undefined): void {
  const target = path.join(contractsDirectory, file);
  mkdirSync(path.dirname(target), { recursive: true });
  if (text === undefined) rmSync(target);
  else writeFileSync(target, text);
}

const contracts = writeContracts(loadContracts());
const stale = findStale(contracts);
if (process.argv.includes('--check')) {
  for (const file of stale) console.error(`contracts/${file} is out of date: run node scripts/generate-contracts.ts`);
  process.exitCode = stale.length === 0 ? 0 : 1;
} else {
  for (const file of stale) update(file, contracts.get(file));
  console.log(`${contracts.size} contracts, ${stale.length} written`);
}
