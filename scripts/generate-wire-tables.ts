// Writes packages/platform/src/contracts/wire-tables.ts: the field tables of the contracts that a shim speaks.
// Run by hand after a change to protos/; `--check` writes nothing and fails when the file is out of date.
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import protobuf from 'protobufjs';

const protosDirectory = path.resolve(import.meta.dirname, '../protos');
const outputFile = path.resolve(import.meta.dirname, '../packages/platform/src/contracts/wire-tables.ts');

/** Only what the shim, its tests and the task layer need: each table costs the shim memory. */
const files = [
  'ttrpc/ttrpc.proto',
  'containerd/task/v2/task.proto',
  'tscontainer/shim/v1/shim.proto',
  'containerd/events/task.proto',
  'containerd/services/events/ttrpc/v1/events.proto',
  'containerd/runc/v1/options.proto',
  'containerd/types/introspection.proto',
  'containerd/runtime/bootstrap/v1/bootstrap.proto',
  'io/containerd/cgroups/v1/metrics.proto',
  'io/containerd/cgroups/v2/metrics.proto',
];

const messages: Record<string, [number, string, string][]> = {};
const enums: Record<string, Record<string, number>> = {};
const services: Record<string, Record<string, [string, string]>> = {};

const nameOf = (object: protobuf.ReflectionObject): string => object.fullName.slice(1);

/** `kind` as wire-codec.ts reads it: a scalar, `message NAME` or `enum NAME`, after `repeated ` or `map `. */
function kindOf(field: protobuf.Field): string {
  const type = field.resolvedType;
  const base = type === null ? field.type : `${type instanceof protobuf.Enum ? 'enum' : 'message'} ${nameOf(type)}`;
  if (field instanceof protobuf.MapField) return `map ${base}`;
  return field.repeated ? `repeated ${base}` : base;
}

function collect(namespace: protobuf.NamespaceBase): void {
  for (const entry of namespace.nestedArray) {
    if (entry instanceof protobuf.Type) {
      messages[nameOf(entry)] = entry.fieldsArray.map((field) => [
        field.id,
        entry.name === 'Any' && field.name === 'type_url' ? 'typeUrl' : field.name,
        kindOf(field),
      ]);
      collect(entry);
    } else if (entry instanceof protobuf.Enum) enums[nameOf(entry)] = entry.values;
    else if (entry instanceof protobuf.Service) services[nameOf(entry)] = methodsOf(entry);
    else if (entry instanceof protobuf.Namespace) collect(entry);
  }
}

function methodsOf(service: protobuf.Service): Record<string, [string, string]> {
  const pairs = service.methodsArray.map((method): [string, [string, string]] => {
    method.resolve();
    const { resolvedRequestType: request, resolvedResponseType: response } = method;
    if (request === null || response === null) throw new Error(`${service.fullName}.${method.name}: unresolved`);
    return [method.name, [nameOf(request), nameOf(response)]];
  });
  return Object.fromEntries(pairs);
}

function table(name: string, type: string, comment: string, entries: Record<string, unknown>): string {
  const lines = Object.entries(entries).map(([key, value]) => `  '${key}': ${JSON.stringify(value)},`);
  return `/** ${comment} */\nexport const ${name}: Record<string, ${type}> = {\n${lines.join('\n')}\n};\n`;
}

const root = new protobuf.Root();
root.resolvePath = (_origin, target) => path.resolve(protosDirectory, target);
root.loadSync(files, { keepCase: false });
root.resolveAll();
collect(root);

const text = [
  '// The field tables of the contracts that a shim speaks, written by scripts/generate-wire-tables.ts.',
  '// biome-ignore-all format: one message a line\n',
  table('messageTables', '[number: number, name: string, kind: string][]', 'Fields by message.', messages),
  table('enumTables', 'Record<string, number>', 'Numbers by name, by enum.', enums),
  table('serviceTables', 'Record<string, [request: string, response: string]>', 'Methods by service.', services),
].join('\n');

if (!process.argv.includes('--check')) writeFileSync(outputFile, text);
else if (readFileSync(outputFile, 'utf8') !== text) {
  process.stderr.write(`${outputFile} is out of date: run node scripts/generate-wire-tables.ts\n`);
  process.exitCode = 1;
}
