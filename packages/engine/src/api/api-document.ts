// Writes the OpenAPI 3.1 document of the operations. Loaded and built when /openapi.json is asked for, and kept by nobody.
import { maxApiVersion, minApiVersion } from '../http/api-version.ts';
import { type JsonSchema, SchemaWriter } from './json-schema.ts';
import type { Answer, AnswerBody, Operation, Parameter, RequestBody } from './operation.ts';
import { allOperations } from './operations/all-operations.ts';
import { errorAnswer } from './resource-answers.ts';

const errorTexts: Record<number, string> = {
  400: 'The request makes no sense.',
  401: 'The registry refuses the credentials.',
  403: 'Not allowed.',
  404: 'There is no such object.',
  409: 'The state of things is against it.',
  500: 'The engine failed.',
  501: 'This engine does not do that.',
  503: 'This engine is in no swarm.',
};

const tagTexts: Record<string, string> = {
  Container: 'Containers: their life, streams and files.',
  Exec: 'Further processes in a container.',
  Image: 'Images.',
  Network: 'Networks.',
  Volume: 'Volumes.',
  System: 'The engine itself.',
  Distribution: 'Registries.',
  Session: 'Connections that builders keep.',
  Swarm: 'Swarms, which this engine joins none of.',
  Plugin: 'Managed plugins, of which there are none.',
};

const pathTexts: Record<string, string> = {
  id: 'Id, a prefix of it that is unambiguous, or name.',
  name: 'Name, or for an image its id or a prefix of it. Slashes may stand as they are.',
  path: 'What follows, slashes included.',
};

/** `version`: what the paths begin with, as the request's did. */
export function apiDocument(version: string): object {
  const writer = new SchemaWriter();
  const paths: Record<string, Record<string, object>> = {};
  for (const operation of allOperations) {
    const path = paths[operation.path] ?? {};
    path[operation.method.toLowerCase()] = operationObject(operation, writer);
    paths[operation.path] = path;
  }
  const tags = [...new Set(allOperations.map(({ tag }) => tag))];
  return {
    openapi: '3.1.0',
    info: {
      title: 'tscontainer Engine API',
      version: maxApiVersion,
      description: `Docker’s Engine API for one machine, versions ${minApiVersion} to ${maxApiVersion}. Every answer bears Api-Version, Ostype and Server.`,
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: `/v${version}`, description: 'A path without a version speaks the newest.' }],
    tags: tags.map((name) => ({ name, description: tagTexts[name] ?? '' })),
    paths,
    components: { schemas: { ...writer.components } },
  };
}

function operationObject(operation: Operation, writer: SchemaWriter): object {
  const { body, description, headers = {}, query = {}, upgrade } = operation;
  const parameters = [
    ...pathParameters(operation.path),
    ...Object.entries(query).map(([name, parameter]) => queryParameter(name, parameter)),
    ...Object.entries(headers).map(([name, text]) => headerParameter(name, text)),
  ];
  return {
    operationId: operation.id,
    tags: [operation.tag],
    summary: operation.summary,
    ...(description === undefined ? {} : { description }),
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(body === undefined ? {} : { requestBody: requestBody(body, writer) }),
    responses: responses(operation, writer),
    ...(upgrade === undefined ? {} : { 'x-upgrade': upgrade }),
  };
}

function pathParameters(path: string): object[] {
  return [...path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => ({
    name,
    in: 'path',
    required: true,
    description: pathTexts[name] ?? '',
    schema: { type: 'string' },
  }));
}

function headerParameter(name: string, text: string): object {
  return { name, in: 'header', description: text, schema: { type: 'string' } };
}

function queryParameter(name: string, { kind, text, isRequired }: Parameter): object {
  const base = { name, in: 'query', description: text, ...(isRequired ? { required: true } : {}) };
  if (typeof kind === 'object' && 'filters' in kind)
    return { ...base, content: { 'application/json': { schema: filtersSchema(kind.filters) } } };
  return { ...base, schema: parameterSchema(kind) };
}

/** `{"label":["a","b"]}`; the older form `{"label":{"a":true}}` is read, too. */
function filtersSchema(names: readonly string[]): JsonSchema {
  const list = { type: 'array', items: { type: 'string' } };
  const old = { type: 'object', additionalProperties: { type: 'boolean' } };
  const properties = Object.fromEntries(names.map((name) => [name, { anyOf: [list, old] }]));
  return { type: 'object', properties, additionalProperties: false };
}

function parameterSchema(kind: Exclude<Parameter['kind'], { filters: readonly string[] }>): JsonSchema {
  if (typeof kind === 'object') return { type: 'string', enum: [...kind.values] };
  if (kind === 'bool') return { type: 'boolean' };
  if (kind === 'int') return { type: 'integer' };
  if (kind === 'strings') return { type: 'array', items: { type: 'string' } };
  return { type: 'string' };
}

function requestBody(body: RequestBody, writer: SchemaWriter): object {
  const required = body.isRequired === true;
  if ('type' in body) return { required, content: { [body.type]: { schema: {} } } };
  return { required, content: { 'application/json': { schema: writer.ofBody(body.name, body.schema) } } };
}

function responses(operation: Operation, writer: SchemaWriter): object {
  const entries: [number, object][] = Object.entries(operation.answers).map(([status, answer]) => [
    Number(status),
    response(answer, writer),
  ]);
  if (operation.upgrade !== undefined)
    entries.push([101, { description: 'The connection has left HTTP: bytes both ways.' }]);
  const errors = new Set([400, ...(operation.errors ?? []), 500]);
  // an answer without a body says how it failed by its status alone
  const content = operation.method === 'HEAD' ? {} : contentOf({ json: errorAnswer }, writer);
  for (const status of errors) entries.push([status, { description: errorTexts[status] ?? 'Refused.', ...content }]);
  entries.sort(([a], [b]) => a - b);
  return Object.fromEntries(entries);
}

function response({ text, body, headers }: Answer, writer: SchemaWriter): object {
  const described = Object.entries(headers ?? {}).map(([name, about]) => [
    name,
    { description: about, schema: { type: 'string' } },
  ]);
  return {
    description: text,
    ...(described.length === 0 ? {} : { headers: Object.fromEntries(described) }),
    ...(body === undefined ? {} : contentOf(body, writer)),
  };
}

function contentOf(body: AnswerBody, writer: SchemaWriter): { content: Record<string, object> } {
  if ('json' in body) return { content: { 'application/json': { schema: writer.ofShape(body.json) } } };
  if ('lines' in body)
    return { content: { 'application/json': { schema: writer.ofShape(body.lines), 'x-stream': 'json-lines' } } };
  if ('text' in body) return { content: { 'text/plain': { schema: { type: 'string', const: body.text } } } };
  return { content: Object.fromEntries(body.types.map((type) => [type, { schema: {} }])) };
}
