// Calls of the engine by the names of its operations, typed by the engine's own description. The resources stand on it.
import type { IncomingMessage } from 'node:http';
import type { Connection, HijackedStream } from './connection.ts';
import { type Operations, operationCalls } from './contracts/engine-api.ts';
import type { CallOptions, QueryValue } from './request-parts.ts';

export type OperationId = keyof Operations;
export type QueryOf<Id extends OperationId> = Operations[Id]['query'];
export type BodyOf<Id extends OperationId> = Operations[Id]['body'];
export type AnswerOf<Id extends OperationId> = Operations[Id]['answer'];

export interface CallParts<Id extends OperationId> {
  /** What stands in the path's braces: an id or a name. */
  of?: string;
  query?: QueryOf<Id> | undefined;
  body?: BodyOf<Id>;
  /** Sent as it is: a tar. */
  bodyStream?: NodeJS.ReadableStream | undefined;
  contentType?: string;
  headers?: Record<string, string>;
  signal?: AbortSignal | undefined;
}

export class EngineCalls {
  readonly connection: Connection;

  constructor(connection: Connection) {
    this.connection = connection;
  }

  /** The answer's JSON, which is not looked at: it is what the engine promises. */
  json<Id extends OperationId>(id: Id, parts: CallParts<Id> = {}): Promise<AnswerOf<Id>> {
    const { method, path } = placeOf(id, parts.of);
    return this.connection.json<AnswerOf<Id>>(method, path, toOptions(parts));
  }

  status<Id extends OperationId>(id: Id, parts: CallParts<Id> = {}): Promise<number> {
    const { method, path } = placeOf(id, parts.of);
    return this.connection.status(method, path, toOptions(parts));
  }

  /** The answer with its body unread. */
  open<Id extends OperationId>(id: Id, parts: CallParts<Id> = {}): Promise<IncomingMessage> {
    const { method, path } = placeOf(id, parts.of);
    return this.connection.call(method, path, toOptions(parts));
  }

  hijack<Id extends OperationId>(id: Id, parts: CallParts<Id> = {}): Promise<HijackedStream> {
    return this.connection.hijack(placeOf(id, parts.of).path, toOptions(parts));
  }
}

/** Slashes in names of images stay as they are: the engines read them. */
function placeOf(id: OperationId, of = ''): { method: string; path: string } {
  const [method = '', template = ''] = operationCalls[id].split(' ');
  const name = of.split('/').map(encodeURIComponent).join('/');
  return { method, path: template.replace(/\{\w+\}/, () => name) };
}

function toOptions<Id extends OperationId>({ of: _of, query, ...parts }: CallParts<Id>): CallOptions {
  return { ...parts, query: query as Readonly<Record<string, QueryValue>> | undefined } as CallOptions;
}
