// What one operation of the REST API is: its request and its answers, described once. operations/ holds one list per resource.
import type { Schema } from '../http/json-body.ts';
import type { Shape } from './shape.ts';

export type Method = 'GET' | 'HEAD' | 'POST' | 'PUT' | 'DELETE';

export type ParameterKind =
  | 'bool'
  | 'int'
  | 'string'
  /** Repeated. */
  | 'strings'
  /** Seconds since the epoch, with a fraction or without, or RFC 3339. */
  | 'timestamp'
  | { values: readonly string[] }
  /** JSON `{"name":["value"]}`; the names that are accepted. */
  | { filters: readonly string[] };

export interface Parameter {
  kind: ParameterKind;
  text: string;
  isRequired?: boolean;
}

export type RequestBody =
  /** Read by this very schema. `name`: in the document. */
  | { schema: Schema; name: string; isRequired?: boolean }
  /** Bytes: a tar. */
  | { type: string; isRequired?: boolean };

export type AnswerBody =
  | { json: Shape }
  /** One JSON value a line, as they come. */
  | { lines: Shape }
  /** Bytes of one of these content types. */
  | { types: readonly string[] }
  | { text: string };

export interface Answer {
  text: string;
  body?: AnswerBody;
  headers?: Record<string, string>;
}

export interface Operation {
  /** As in Docker's own description, where it has the operation. */
  id: string;
  method: Method;
  /** `/containers/{id}/start`. */
  path: string;
  /** The registered route, where it is another: paths whose names hold slashes end in a wildcard. */
  route?: string;
  tag: string;
  summary: string;
  description?: string;
  query?: Record<string, Parameter>;
  headers?: Record<string, string>;
  body?: RequestBody;
  answers: Record<number, Answer>;
  /** Error statuses beside 400, which any request can get. */
  errors?: readonly number[];
  /** The connection can leave HTTP/1.1: `tcp` by `Upgrade: tcp`, `websocket` by its handshake, `h2c` for HTTP/2. */
  upgrade?: 'tcp' | 'websocket' | 'h2c';
}

/** The route as fastify is told it. */
export function routeOf({ path, route }: Operation): string {
  return route ?? path.replace(/\{(\w+)\}/g, ':$1');
}
