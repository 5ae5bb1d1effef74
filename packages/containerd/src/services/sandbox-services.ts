// containerd.services.sandbox.v1: Store, the records of sandboxes, and Controller, which runs them.
import { ContainerError } from '@tscontainer/core/errors';
import { loadService } from '@tscontainer/platform/contract-loader';
import type * as contract from '@tscontainer/platform/contracts/containerd/services/sandbox/v1/sandbox';
import type { HandlersOf } from '@tscontainer/platform/contracts/message-forms';
import type { CallContext, ServedService } from '@tscontainer/platform/grpc-server';
import type { Daemon } from '../daemon.ts';
import { now } from '../metadata/timestamp.ts';
import { SandboxController } from '../sandboxes/sandbox-controller.ts';
import { hostPlatform } from './introspection-service.ts';
import { required, scopeOf } from './request-fields.ts';

const file = 'containerd/services/sandbox/v1/sandbox.proto';
const namespaceOf = (context: CallContext) => scopeOf(context).namespace;
const phaseNames = { created: 'SANDBOX_NOTREADY', ready: 'SANDBOX_READY', stopped: 'SANDBOX_NOTREADY' };

export function sandboxServices(daemon: Pick<Daemon, 'sandboxes' | 'config' | 'publisher'>): ServedService[] {
  return [storeService(daemon), controllerService(daemon)];
}

function storeService({ sandboxes }: Pick<Daemon, 'sandboxes'>): ServedService {
  const handlers: HandlersOf<contract.Store> = {
    Create: async ({ sandbox }, context) => ({
      sandbox: await sandboxes.create(namespaceOf(context), required(sandbox, 'sandbox')),
    }),
    Update: async ({ sandbox, fields }, context) => ({
      sandbox: await sandboxes.update(namespaceOf(context), required(sandbox, 'sandbox'), fields),
    }),
    Delete: async ({ sandboxId }, context) => {
      await sandboxes.delete(namespaceOf(context), sandboxId);
      return {};
    },
    List: async ({ filters }, context) => ({ list: sandboxes.list(namespaceOf(context), filters) }),
    Get: async ({ sandboxId }, context) => ({ sandbox: sandboxes.get(namespaceOf(context), sandboxId) }),
  };
  return { definition: loadService(file, 'containerd.services.sandbox.v1.Store'), handlers: { ...handlers } };
}

/** The one controller here answers to both of its names: the default, and containerd's own default. */
function checkSandboxer(sandboxer: string): void {
  if (sandboxer !== '' && sandboxer !== 'shim')
    throw new ContainerError('not-found', `sandbox controller "${sandboxer}": not found`);
}

function controllerService({ config, publisher }: Pick<Daemon, 'config' | 'publisher'>): ServedService {
  const controller = new SandboxController(config.state, publisher);
  const handlers: HandlersOf<contract.Controller> = {
    Create: async (request, context) => {
      checkSandboxer(request.sandboxer);
      const { sandboxId, netnsPath, annotations, sandbox } = request;
      const runtimeName = sandbox?.runtime?.name ?? '';
      controller.create(namespaceOf(context), { id: sandboxId, runtimeName, netnsPath, annotations });
      return { sandboxId };
    },
    Start: async ({ sandboxId, sandboxer }, context) => {
      checkSandboxer(sandboxer);
      const { createdAt } = controller.start(namespaceOf(context), sandboxId);
      return { sandboxId, pid: process.pid, createdAt, labels: {}, address: '', version: 2, spec: null };
    },
    Platform: async ({ sandboxId, sandboxer }, context) => {
      checkSandboxer(sandboxer);
      controller.status(namespaceOf(context), sandboxId);
      return { platform: hostPlatform };
    },
    Stop: async ({ sandboxId, sandboxer }, context) => {
      checkSandboxer(sandboxer);
      controller.stop(namespaceOf(context), sandboxId);
      return {};
    },
    Wait: async ({ sandboxId, sandboxer }, context) => {
      checkSandboxer(sandboxer);
      const { exitedAt } = await controller.wait(namespaceOf(context), sandboxId, context.signal);
      return { exitStatus: 0, exitedAt };
    },
    Status: async ({ sandboxId, verbose, sandboxer }, context) => {
      checkSandboxer(sandboxer);
      const { phase, createdAt, exitedAt, netnsPath } = controller.status(namespaceOf(context), sandboxId);
      const info: Record<string, string> = verbose ? { netnsPath } : {};
      const state = phaseNames[phase];
      return { sandboxId, pid: process.pid, state, info, createdAt, exitedAt, extra: null, address: '', version: 2 };
    },
    Shutdown: async ({ sandboxId, sandboxer }, context) => {
      checkSandboxer(sandboxer);
      controller.shutdown(namespaceOf(context), sandboxId);
      return {};
    },
    Metrics: async ({ sandboxId, sandboxer }, context) => {
      checkSandboxer(sandboxer);
      controller.status(namespaceOf(context), sandboxId);
      return { metrics: { timestamp: now(), id: sandboxId, data: null } }; // it has no process, hence no cgroup
    },
    Update: async ({ sandboxId }) => {
      throw new ContainerError('unimplemented', `update sandbox ${sandboxId}: a running sandbox has nothing to change`);
    },
  };
  return { definition: loadService(file, 'containerd.services.sandbox.v1.Controller'), handlers: { ...handlers } };
}
