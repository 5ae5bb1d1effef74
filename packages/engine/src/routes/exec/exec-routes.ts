// Exec: create, start (hijacked), inspect, resize.

import { errorMessageOf } from '@tscontainer/core/errors';
import type { FastifyInstance } from 'fastify';
import type { EngineContext } from '../../containers/engine-context.ts';
import type { Exec, ExecConfig, ExecManager } from '../../containers/exec-manager.ts';
import { isAtLeast } from '../../http/api-version.ts';
import { acceptRaw, type HijackRoute, type RawConnection } from '../../http/hijack.ts';
import { decodeObject, parseJson, readBody, readJson, type Schema } from '../../http/json-body.ts';
import type { Query } from '../../http/query.ts';
import { multiplexedStreamType, rawStreamType } from '../../http/stream-frames.ts';
import { sizeOf } from '../containers/inspect-routes.ts';

interface ById {
  Params: { id: string };
  Querystring: Query;
}

export const execSchema: Schema = {
  AttachStdin: 'bool',
  AttachStdout: 'bool',
  AttachStderr: 'bool',
  DetachKeys: 'string',
  Tty: 'bool',
  Env: 'strings',
  Cmd: 'strings',
  Privileged: 'bool',
  User: 'string',
  WorkingDir: 'string',
  ConsoleSize: 'size',
};
export const startSchema: Schema = { Detach: 'bool', Tty: 'bool', ConsoleSize: 'size' };

const emptyExec: ExecConfig = {
  AttachStdin: false,
  AttachStdout: false,
  AttachStderr: false,
  DetachKeys: '',
  Tty: false,
  Env: [],
  Cmd: [],
  Privileged: false,
  User: '',
  WorkingDir: '',
};

export function registerExecRoutes(
  app: FastifyInstance,
  hijackRoutes: HijackRoute[],
  context: EngineContext,
  execs: ExecManager,
): void {
  app.post<ById>('/containers/:id/exec', async (request, reply) => {
    const container = context.index.find(request.params.id);
    const config = { ...emptyExec, ...decodeObject(execSchema, (await readJson(request.raw)) ?? {}, 'ExecConfig') };
    return reply.code(201).send({ Id: (await execs.create(container, config)).id });
  });

  hijackRoutes.push({
    method: 'POST',
    pattern: /^\/exec\/([^/]+)\/start$/,
    handler: async (request) => {
      const exec = execs.get(request.id);
      const isDetached = readStart(parseJson(await request.body(), request.headers['content-type'])).isDetached;
      const isMultiplexed = !exec.config.Tty && isAtLeast(request.apiVersion, '1.42');
      await run(exec, isDetached, () => request.accept(isMultiplexed ? multiplexedStreamType : rawStreamType));
    },
  });

  app.post<ById>('/exec/:id/start', async (request, reply) => {
    const exec = execs.get(request.params.id);
    const { isDetached } = readStart(parseJson(await readBody(request.raw), request.headers['content-type']));
    await run(exec, isDetached, () => {
      reply.hijack();
      return acceptRaw(request.raw, reply.raw, rawStreamType);
    });
    if (isDetached) return reply.code(200).send();
  });

  app.get<ById>('/exec/:id/json', async (request) => inspectExec(execs.get(request.params.id)));

  app.post<ById>('/exec/:id/resize', async (request, reply) => {
    const exec = execs.get(request.params.id);
    const { width, height } = sizeOf(request.query);
    await execs.resize(exec, width, height);
    return reply.code(200).send();
  });

  /** Once the connection is taken over, a failure has been told in the stream. */
  async function run(exec: Exec, isDetached: boolean, accept: () => RawConnection): Promise<void> {
    let isAccepted = false;
    try {
      await execs.start(
        exec,
        isDetached
          ? undefined
          : () => {
              isAccepted = true;
              return accept();
            },
      );
    } catch (error) {
      if (!isAccepted) throw error;
      context.log.debug({ execId: exec.id, err: errorMessageOf(error) }, 'exec failed');
    }
  }
}

function readStart(body: unknown): { isDetached: boolean } {
  const { Detach } = decodeObject(startSchema, body ?? {}, 'ExecStartConfig');
  return { isDetached: Detach === true };
}

function inspectExec(exec: Exec): object {
  const { config } = exec;
  const [entrypoint = '', ...args] = config.Cmd;
  return {
    ID: exec.id,
    Running: exec.isRunning,
    ExitCode: exec.exitCode ?? null,
    ProcessConfig: {
      tty: config.Tty,
      entrypoint,
      arguments: args,
      privileged: config.Privileged,
      ...(config.User === '' ? {} : { user: config.User }),
    },
    OpenStdin: config.AttachStdin,
    OpenStderr: config.AttachStderr,
    OpenStdout: config.AttachStdout,
    CanRemove: exec.exitCode !== undefined,
    ContainerID: exec.container.id,
    DetachKeys: config.DetachKeys === '' ? '' : Buffer.from(config.DetachKeys).toString('base64'),
    Pid: exec.pid,
  };
}
