// The engine's own description as validators of its answers. Objects are closed: an answer with a field that the document
// does not know is wrong, though a client has to accept it.
import { Ajv2020 as Ajv, type ValidateFunction } from 'ajv/dist/2020.js';

export interface WireAnswer {
  status: number;
  /** Without parameters; '' when there is none. */
  contentType: string;
  body: Buffer;
}

interface ResponseObject {
  content?: Record<string, { schema: object; 'x-stream'?: string }>;
}

interface OperationObject {
  operationId: string;
  responses: Record<string, ResponseObject>;
}

interface JsonSchema {
  $ref?: string;
  anyOf?: JsonSchema[];
  items?: JsonSchema;
  properties?: Record<string, JsonSchema>;
  additionalProperties?: JsonSchema | boolean;
}

export interface ApiDocument {
  paths: Record<string, Record<string, OperationObject>>;
  components: { schemas: Record<string, object> };
}

const times = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/;

function closed(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(closed);
  if (schema === null || typeof schema !== 'object') return schema;
  const entries = Object.entries(schema).map(([key, value]) => [key, closed(value)]);
  const copy = Object.fromEntries(entries);
  return copy.properties === undefined || copy.additionalProperties !== undefined
    ? copy
    : { ...copy, additionalProperties: false };
}

export class AnswerSchemas {
  readonly #operations = new Map<string, OperationObject>();
  readonly #ajv: Ajv;
  readonly #document: ApiDocument;
  readonly #validators = new Map<object, ValidateFunction>();
  /** Fields that were in an answer, as `Volume.UsageData`, by the component that they are of. */
  readonly seenFields = new Set<string>();
  /** Operations with the statuses that were checked, as `ContainerStart 204`. */
  readonly checked = new Set<string>();

  constructor(document: ApiDocument) {
    this.#document = document;
    for (const path of Object.values(document.paths))
      for (const operation of Object.values(path)) this.#operations.set(operation.operationId, operation);
    this.#ajv = new Ajv({ strict: false, allErrors: true, formats: { 'date-time': times, int64: true } });
    this.#ajv.addSchema({ $id: 'api', components: { schemas: closed(document.components.schemas) as object } });
  }

  get operationIds(): string[] {
    return [...this.#operations.keys()];
  }

  /** Throws what is wrong with the answer of an operation. */
  check(operationId: string, answer: WireAnswer): void {
    const { status, contentType, body } = answer;
    const wrong = (what: string) => new Error(`${operationId} answered ${status} ${contentType}: ${what}`);
    const response = this.#operations.get(operationId)?.responses[status];
    if (response === undefined) throw wrong(`not described: ${body.toString().slice(0, 300)}`);
    this.checked.add(`${operationId} ${status}`);
    if (response.content === undefined) {
      if (body.length > 0) throw wrong(`a body where none is described: ${body.toString().slice(0, 300)}`);
      return;
    }
    const content = response.content[contentType];
    // detached: nothing comes
    if (content === undefined && contentType === '' && body.length === 0 && operationId === 'ExecStart') return;
    if (content === undefined) throw wrong(`described are ${Object.keys(response.content).join(', ')}`);
    if (contentType !== 'application/json' && contentType !== 'text/plain') return;
    for (const value of valuesOf(contentType, content['x-stream'], body.toString())) {
      const validate = this.#validatorOf(content.schema);
      if (!validate(value))
        throw wrong(`${this.#ajv.errorsText(validate.errors)}\n${JSON.stringify(value, null, 1).slice(0, 3000)}`);
      this.#see(content.schema as JsonSchema, value);
    }
  }

  /** Fields of the components that answers are made of, which no answer has had. */
  unseenFields(): string[] {
    const answers = [...this.#operations.values()].flatMap(({ responses }) =>
      Object.values(responses).flatMap(({ content }) => Object.values(content ?? {}).map(({ schema }) => schema)),
    );
    const reached = new Set<string>();
    for (const schema of answers) this.#reach(schema as JsonSchema, reached);
    return [...reached]
      .flatMap((name) => Object.keys(this.#component(name).properties ?? {}).map((field) => `${name}.${field}`))
      .filter((field) => !this.seenFields.has(field))
      .sort();
  }

  #component(name: string): JsonSchema {
    return (this.#document.components.schemas[name] ?? {}) as JsonSchema;
  }

  #reach(schema: JsonSchema, reached: Set<string>): void {
    const name = componentName(schema);
    if (name !== undefined) {
      if (reached.has(name)) return;
      reached.add(name);
    }
    const {
      anyOf = [],
      items,
      properties = {},
      additionalProperties,
    } = name === undefined ? schema : this.#component(name);
    const parts = [...anyOf, items, additionalProperties, ...Object.values(properties)];
    for (const part of parts) if (typeof part === 'object') this.#reach(part, reached);
  }

  #see(schema: JsonSchema, value: unknown): void {
    const name = componentName(schema);
    const { anyOf = [], items, properties, additionalProperties } = name === undefined ? schema : this.#component(name);
    for (const choice of anyOf) this.#see(choice, value);
    if (Array.isArray(value)) for (const each of value) if (items !== undefined) this.#see(items, each);
    if (value === null || typeof value !== 'object' || Array.isArray(value)) return;
    for (const [field, inner] of Object.entries(value)) {
      const property = properties?.[field];
      if (property !== undefined) {
        if (name !== undefined) this.seenFields.add(`${name}.${field}`);
        this.#see(property, inner);
      } else if (typeof additionalProperties === 'object') this.#see(additionalProperties, inner);
    }
  }

  #validatorOf(schema: object): ValidateFunction {
    let validate = this.#validators.get(schema);
    if (validate === undefined) {
      const text = JSON.stringify(closed(schema)).replaceAll('"#/components', '"api#/components');
      validate = this.#ajv.compile(JSON.parse(text));
      this.#validators.set(schema, validate);
    }
    return validate;
  }
}

function componentName(schema: JsonSchema): string | undefined {
  return schema.$ref?.split('/').at(-1);
}

function valuesOf(contentType: string, stream: string | undefined, text: string): unknown[] {
  if (contentType === 'text/plain') return [text];
  if (stream === undefined) return [JSON.parse(text)];
  return text
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => JSON.parse(line));
}
