// The words that answers are described in; api-document.ts turns them into JSON Schema, clients get their types from it.
// Request bodies are described by the Schema that json-body.ts reads them with: what is described is what is validated.
import type { Field, Schema } from '../http/json-body.ts';

/** Fields of an answer: each is always there, unless `optional`. */
export interface Fields {
  readonly [name: string]: Shape;
}

export type Shape =
  | Field
  | 'number'
  /** RFC 3339 with up to nine digits of a second. */
  | 'time'
  | { optional: Shape }
  | { nullable: Shape }
  | { values: readonly string[] }
  | { listOf: Shape }
  | { mapOf: Shape }
  | { oneOf: readonly Shape[] }
  | NamedShape
  /** A request's settings given back: any field may be missing, and what Go calls nil is null. */
  | { named: string; echoOf: Schema };

/** An object that stands in the document under a name of its own. */
export interface NamedShape {
  named: string;
  fields: Fields;
}

export const optional = (shape: Shape): Shape => ({ optional: shape });
export const nullable = (shape: Shape): Shape => ({ nullable: shape });
export const values = (...list: string[]): Shape => ({ values: list });
export const listOf = (shape: Shape): Shape => ({ listOf: shape });
export const mapOf = (shape: Shape): Shape => ({ mapOf: shape });
export const named = (name: string, fields: Fields): NamedShape => ({ named: name, fields });
