// Turns request schemas and the shapes of answers into JSON Schema (2020-12), collecting named objects as components.
import type { Field, Schema } from '../http/json-body.ts';
import { bodyDetails, bodyNames } from './body-details.ts';
import { fieldTexts } from './field-texts.ts';
import type { Fields, Shape } from './shape.ts';

export interface JsonSchema {
  [keyword: string]: unknown;
}

const text: JsonSchema = { type: 'string' };
const anything: JsonSchema = {};

/** Where a field counts as missing when it is null, as Go reads it. */
const orNull = (schema: JsonSchema): JsonSchema => {
  if (Object.keys(schema).length === 0) return schema;
  if (typeof schema['type'] === 'string' && schema['enum'] === undefined)
    return { ...schema, type: [schema['type'], 'null'] };
  const choices = (schema['anyOf'] as JsonSchema[] | undefined) ?? [schema];
  return { anyOf: [...choices, { type: 'null' }] };
};

/** Story: `ofShape` and `ofBody` for each use, then `components`. Two objects under one name are an error. */
export class SchemaWriter {
  readonly #components = new Map<string, JsonSchema>();
  readonly #owners = new Map<string, unknown>();

  get components(): Record<string, JsonSchema> {
    return Object.fromEntries([...this.#components].sort(([a], [b]) => (a < b ? -1 : 1)));
  }

  /** What an answer is. */
  ofShape(shape: Shape): JsonSchema {
    if (typeof shape === 'string') return ofWord(shape);
    if ('fields' in shape) return this.#reference(shape.named, shape, () => this.#ofFields(shape.named, shape.fields));
    if ('echoOf' in shape) return this.#reference(shape.named, shape, () => this.#ofEcho(shape.named, shape.echoOf));
    if ('optional' in shape) return this.ofShape(shape.optional);
    if ('nullable' in shape) return orNull(this.ofShape(shape.nullable));
    if ('values' in shape) return { type: 'string', enum: [...shape.values] };
    if ('listOf' in shape) return { type: 'array', items: this.ofShape(shape.listOf) };
    if ('mapOf' in shape) return { type: 'object', additionalProperties: this.ofShape(shape.mapOf) };
    if ('oneOf' in shape) return { anyOf: shape.oneOf.map((each) => this.ofShape(each)) };
    return this.#ofField(shape);
  }

  /** What a request's body may be: every field may be missing or null, others are ignored. */
  ofBody(name: string, schema: Schema): JsonSchema {
    return this.#reference(name, schema, () => this.#ofRequest(name, schema));
  }

  #ofFields(name: string, fields: Fields): JsonSchema {
    const entries = Object.entries(fields);
    const required = entries.filter(([, shape]) => !isOptional(shape)).map(([field]) => field);
    const properties = entries.map(([field, shape]) => [field, described(name, field, this.ofShape(shape))]);
    return {
      type: 'object',
      ...titled(name),
      properties: Object.fromEntries(properties),
      ...(required.length === 0 ? {} : { required }),
    };
  }

  #ofRequest(name: string, schema: Schema): JsonSchema {
    const details = bodyDetails.get(schema) ?? {};
    const properties = Object.entries(schema).map(([field, kind]) => {
      const detail = details[field];
      const property = orNull(detail === undefined ? this.#ofField(kind) : this.ofShape(detail));
      return [field, described(name, field, property)];
    });
    return { type: 'object', ...titled(name), properties: Object.fromEntries(properties) };
  }

  /** A text is never null: Go has no nil of it. */
  #ofEcho(name: string, schema: Schema): JsonSchema {
    const request = this.#ofRequest(name, schema);
    for (const [field, property] of Object.entries(request['properties'] as Record<string, JsonSchema>))
      if (schema[field] === 'string') property['type'] = 'string';
    return request;
  }

  #ofField(field: Field): JsonSchema {
    if (typeof field === 'string') return ofWord(field);
    if ('object' in field) return this.#ofPart(field.object);
    if ('list' in field) return { type: 'array', items: this.#ofPart(field.list) };
    return { type: 'object', additionalProperties: field.map === 'strings' ? ofWord('strings') : anything };
  }

  #ofPart(schema: Schema): JsonSchema {
    const name = bodyNames.get(schema);
    return name === undefined ? this.#ofRequest('', schema) : this.ofBody(name, schema);
  }

  #reference(name: string, owner: unknown, write: () => JsonSchema): JsonSchema {
    const known = this.#owners.get(name);
    if (known !== undefined && known !== owner) throw new Error(`describe ${name}: two objects have this name`);
    if (known === undefined) {
      this.#owners.set(name, owner);
      this.#components.set(name, write());
    }
    return { $ref: `#/components/schemas/${name}` };
  }
}

function isOptional(shape: Shape): boolean {
  return typeof shape === 'object' && 'optional' in shape;
}

function ofWord(word: Extract<Shape, string>): JsonSchema {
  switch (word) {
    case 'string':
      return text;
    case 'time':
      return { type: 'string', format: 'date-time' };
    case 'bool':
      return { type: 'boolean' };
    case 'int':
      return { type: 'integer', format: 'int64' };
    case 'number':
      return { type: 'number' };
    case 'strings':
      return { type: 'array', items: text };
    case 'words':
      return { anyOf: [text, { type: 'array', items: text }] };
    case 'stringMap':
      return { type: 'object', additionalProperties: text };
    case 'size':
      return { type: 'array', items: { type: 'integer', minimum: 0 }, minItems: 2, maxItems: 2 };
    case 'any':
      return anything;
  }
}

function titled(name: string): JsonSchema {
  const about = fieldTexts[name]?.[''];
  return { ...(name === '' ? {} : { title: name }), ...(about === undefined ? {} : { description: about }) };
}

function described(name: string, field: string, schema: JsonSchema): JsonSchema {
  const about = fieldTexts[name]?.[field];
  return about === undefined ? schema : { ...schema, description: about };
}
