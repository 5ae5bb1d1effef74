// Writes packages/client/src/contracts/engine-api.ts from the engine's own description of its REST API: types, and what leads where.
// Run by hand after a change of packages/engine/src/api/; `--check` writes nothing and fails when the file is out of date.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { apiDocument } from '@tscontainer/engine/api/api-document';
import { formatted } from './format-source.ts';

interface JsonSchema {
  $ref?: string;
  type?: string | string[];
  enum?: string[];
  anyOf?: JsonSchema[];
  items?: JsonSchema;
  minItems?: number;
  properties?: Record<string, JsonSchema>;
  required?: string[];
  additionalProperties?: JsonSchema | boolean;
  description?: string;
}

interface OperationObject {
  operationId: string;
  summary: string;
  parameters?: {
    name: string;
    in: string;
    required?: boolean;
    description: string;
    schema?: JsonSchema;
    content?: Content;
  }[];
  requestBody?: { required: boolean; content: Content };
  responses: Record<string, { content?: Content }>;
}

type Content = Record<string, { schema: JsonSchema }>;

const outputFile = path.resolve(import.meta.dirname, '../packages/client/src/contracts/engine-api.ts');
const document = apiDocument('1.51') as {
  paths: Record<string, Record<string, OperationObject>>;
  components: { schemas: Record<string, JsonSchema> };
};
const { schemas } = document.components;
const operations = Object.entries(document.paths).flatMap(([url, item]) =>
  Object.entries(item).map(([method, operation]) => ({ call: `${method.toUpperCase()} ${url}`, operation })),
);

/** Those that stand in requests: any field may be left out, and lists are only read. */
const inRequests = new Set<string>();

function collectRequests(schema: JsonSchema): void {
  const name = nameOf(schema);
  if (name !== undefined) {
    if (inRequests.has(name)) return;
    inRequests.add(name);
  }
  const {
    anyOf = [],
    items,
    properties = {},
    additionalProperties,
  } = name === undefined ? schema : (schemas[name] ?? {});
  const parts = [...anyOf, ...Object.values(properties), ...(items === undefined ? [] : [items])];
  for (const part of parts) collectRequests(part);
  if (typeof additionalProperties === 'object') collectRequests(additionalProperties);
}

function nameOf(schema: JsonSchema): string | undefined {
  return schema.$ref?.split('/').at(-1);
}

/** `isRead`: what is given to us, to be read alone. */
function typeText(schema: JsonSchema, isRead: boolean): string {
  const name = nameOf(schema);
  if (name !== undefined) return name;
  if (schema.anyOf !== undefined) return [...new Set(schema.anyOf.map((each) => typeText(each, isRead)))].join(' | ');
  if (schema.enum !== undefined) return schema.enum.map((value) => `'${value}'`).join(' | ');
  const types = [schema.type ?? []].flat();
  if (types.length === 0) return 'unknown';
  return types.map((type) => oneType(type, schema, isRead)).join(' | ');
}

function oneType(type: string, schema: JsonSchema, isRead: boolean): string {
  switch (type) {
    case 'integer':
      return 'number';
    case 'array':
      return arrayText(schema, isRead);
    case 'object':
      return objectText(schema, isRead);
    default:
      return type;
  }
}

function arrayText({ items = {}, minItems }: JsonSchema, isRead: boolean): string {
  const item = typeText(items, isRead);
  const readonly = isRead ? 'readonly ' : '';
  if (minItems === 2) return `${readonly}[${item}, ${item}]`;
  return `${readonly}${item.includes('|') ? `(${item})` : item}[]`;
}

function objectText(schema: JsonSchema, isRead: boolean): string {
  const { properties, additionalProperties } = schema;
  if (properties !== undefined) return `{ ${fieldTexts(schema, isRead).join(' ')} }`;
  const inner = typeof additionalProperties === 'object' ? typeText(additionalProperties, isRead) : 'unknown';
  return isRead ? `Readonly<Record<string, ${inner}>>` : `Record<string, ${inner}>`;
}

function fieldTexts({ properties = {}, required = [] }: JsonSchema, isRead: boolean): string[] {
  return Object.entries(properties).map(([field, schema]) => {
    const key = /^\w+$/.test(field) ? field : `'${field}'`;
    const type = typeText(schema, isRead);
    const isOptional = isRead || !required.includes(field);
    const mark = isOptional ? '?' : '';
    const missing = isRead && type !== 'unknown' ? ' | undefined' : '';
    return `${comment(schema.description)}${key}${mark}: ${type}${missing};`;
  });
}

function comment(text: string | undefined): string {
  return text === undefined ? '' : `/** ${text.replaceAll('*/', '*∕')} */\n`;
}

function interfaceText(name: string, schema: JsonSchema): string {
  const fields = fieldTexts(schema, inRequests.has(name));
  if (fields.length === 0) return `${comment(schema.description)}export type ${name} = Record<string, never>;\n`;
  return `${comment(schema.description)}export interface ${name} {\n${fields.join('\n')}\n}\n`;
}

function queryText({ parameters = [] }: OperationObject): string {
  const fields = parameters
    .filter((parameter) => parameter.in === 'query')
    .map(({ name, required, description, schema, content }) => {
      const key = /^\w+$/.test(name) ? name : `'${name}'`;
      const type = content === undefined ? parameterText(schema ?? {}) : filtersText(content);
      return `${comment(description)}${key}${required ? '' : '?'}: ${type}${required ? '' : ' | undefined'};`;
    });
  return fields.length === 0 ? 'Record<never, never>' : `{\n${fields.join('\n')}\n}`;
}

function parameterText(schema: JsonSchema): string {
  return typeText(schema, true);
}

function filtersText(content: Content): string {
  const names = Object.keys(content['application/json']?.schema.properties ?? {});
  return `Filters<${names.map((name) => `'${name}'`).join(' | ')}>`;
}

function bodyText({ requestBody }: OperationObject): string {
  const schema = requestBody?.content['application/json']?.schema;
  if (schema === undefined) return 'undefined';
  return typeText(schema, true);
}

function answerText({ responses }: OperationObject): string {
  for (const [status, { content }] of Object.entries(responses)) {
    if (!status.startsWith('2')) continue;
    const schema = content?.['application/json']?.schema;
    if (schema !== undefined) return typeText(schema, false);
  }
  return 'undefined';
}

function operationText({ call, operation }: (typeof operations)[number]): string {
  return [
    comment(`${operation.summary}: ${call}.`),
    `${operation.operationId}: {`,
    `query: ${queryText(operation)};`,
    `body: ${bodyText(operation)};`,
    `answer: ${answerText(operation)};`,
    '};',
  ].join('\n');
}

function fileText(): string {
  for (const { operation } of operations) {
    const schema = operation.requestBody?.content['application/json']?.schema;
    if (schema !== undefined) collectRequests(schema);
  }
  return [
    '// The types of the Engine API and where each operation leads: made by scripts/generate-client-types.ts, not by hand.',
    '',
    '/** By the name of a filter the values of which one has to match. */',
    'export type Filters<Name extends string> = { readonly [name in Name]?: readonly string[] | undefined };',
    ...Object.entries(schemas).map(([name, schema]) => interfaceText(name, schema)),
    'export interface Operations {',
    ...operations.map(operationText),
    '}',
    'export const operationCalls = {',
    ...operations.map(({ call, operation }) => `${operation.operationId}: '${call}',`),
    '} as const satisfies Record<keyof Operations, string>;',
    '',
  ].join('\n');
}

const text = formatted(fileText(), outputFile);
const present = existsSync(outputFile) ? readFileSync(outputFile, 'utf8') : '';
if (process.argv.includes('--check')) {
  if (text !== present) {
    console.error('packages/client/src/contracts/engine-api.ts is out of date: node scripts/generate-client-types.ts');
    process.exitCode = 1;
  }
} else writeFileSync(outputFile, text);
