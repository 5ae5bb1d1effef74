// Gives the lifecycle daemon a container's specification: at create, and again when it changed before a start.

import { ContainerError, withContext } from '@tscontainer/core/errors';
import type { Spec } from '@tscontainer/core/oci-runtime';
import { applyEdits, type ContainerEdits } from '../devices/cdi-edits.ts';
import { CdiRegistry } from '../devices/cdi-registry.ts';
import { cdiNamesOf, hasDeviceRequests } from '../devices/device-requests.ts';
import { optionsMessage } from '../runtimes/shim-options.ts';
import { heldPaths } from '../volumes/held-mounts.ts';
import type { Container } from './container.ts';
import { boundFiles } from './container-files.ts';
import type { ContainerSettings } from './container-record.ts';
import type { EngineContext } from './engine-context.ts';
import { seccompText } from './seccomp-policy.ts';
import { sharedShmOf } from './shared-shm.ts';
import { buildSpec } from './spec-builder.ts';
import { resolveUser, type UserFiles } from './user-lookup.ts';

/** On records in the lifecycle daemon: which engine made them. */
export const ownerLabel = 'tscontainer.engine/owner';

const specTypeUrl = 'types.containerd.io/opencontainers/runtime-spec/1/Spec';

type JoinedNamespace = 'PID' | 'IPC' | 'network';

/** The container that `mode` (`container:REF`) names; undefined for other modes. Throws when it is not there or not running. */
function joinedContainer(context: EngineContext, mode: string, kind: JoinedNamespace): Container | undefined {
  if (!mode.startsWith('container:')) return undefined;
  const target = joinTarget(context, mode.slice('container:'.length), kind);
  if (target.isRunning) return target;
  const message =
    kind === 'network'
      ? `cannot join network namespace of a non running container: container ${target.name} is ${target.state.status}`
      : `failed to join ${kind} namespace: container ${target.id} is not running`;
  throw new ContainerError('failed-precondition', message);
}

function joinTarget(context: EngineContext, reference: string, kind: JoinedNamespace): Container {
  try {
    return context.index.find(reference);
  } catch (error) {
    throw kind === 'network' ? withContext('joining network namespace of container', error) : error;
  }
}

/** Such a specification holds another container's pid or address, or devices as they are then, so it is made at start. */
export function joinsOthers(settings: ContainerSettings): boolean {
  const { PidMode, NetworkMode, IpcMode } = settings.hostConfig;
  const hasLinks = (settings.hostConfig.Links ?? []).length > 0;
  return (
    hasLinks ||
    hasDeviceRequests(settings.hostConfig) ||
    [PidMode, NetworkMode, IpcMode].some((mode) => mode.startsWith('container:'))
  );
}

/** What the devices that it asks for need, as their CDI specifications say now. Rejects invalid-argument. */
export async function deviceEditsOf(context: EngineContext, settings: ContainerSettings): Promise<ContainerEdits[]> {
  const { hostConfig } = settings;
  if (!hasDeviceRequests(hostConfig)) return [];
  const registry = await CdiRegistry.read(context.config.cdiSpecDirectories);
  for (const problem of registry.problems) context.log.warn({ problem }, 'CDI specification not read');
  return registry.editsOf(cdiNamesOf(hostConfig, registry));
}

export interface BuiltSpec {
  /** Without linux.seccomp, which comes as text. */
  spec: Spec;
  seccomp: string | undefined;
  /** For exec processes, which take over user and home. */
  user: ReturnType<typeof resolveUser>;
}

/** `isFinal` false: namespaces of others are left out, since they need not run yet. */
export function specOf(
  context: EngineContext,
  settings: ContainerSettings,
  userFiles: UserFiles,
  isFinal: boolean,
  deviceEdits: ContainerEdits[] = [],
): BuiltSpec {
  const { hostConfig } = settings;
  const user = resolveUser(settings.config.User, hostConfig.GroupAdd ?? [], userFiles);
  const pidOf = (mode: string, kind: JoinedNamespace) =>
    isFinal ? joinedContainer(context, mode, kind)?.state.pid : undefined;
  const hasInit = hostConfig.Init ?? context.config.isInitDefault;
  if (hasInit && context.initProgram === '')
    throw new ContainerError('invalid-argument', 'HostConfig.Init: this installation has no init program');
  const spec = buildSpec({
    settings,
    user,
    files: boundFiles(context.paths.containerData(settings.id)),
    heldPaths: heldPaths(context.paths, settings),
    initProgram: hasInit ? context.initProgram : undefined,
    joined: {
      pid: pidOf(hostConfig.PidMode, 'PID'),
      network: pidOf(hostConfig.NetworkMode, 'network'),
      ipc: pidOf(hostConfig.IpcMode, 'IPC'),
    },
    networkPath: context.networks.namespacePath(settings),
    linkEnvironment: isFinal ? context.networks.linkEnvironment(settings) : [],
    sharedShm: sharedShmOf(
      context,
      settings,
      isFinal ? joinedContainer(context, hostConfig.IpcMode, 'IPC')?.settings : undefined,
    ),
    cgroupParent: context.config.cgroupParent,
  });
  for (const edits of deviceEdits) applyEdits(spec, edits);
  const bounding = spec.process.capabilities?.bounding ?? [];
  return { spec, seccomp: seccompText(hostConfig, context.config.seccompProfile.text, bounding), user };
}

/** The profile is text already, most of all the specification's bytes, and the same for most containers: spliced in. */
export function specText(spec: Spec, seccomp: string | undefined): string {
  if (seccomp === undefined) return JSON.stringify(spec);
  const { linux, ...rest } = spec;
  const text = JSON.stringify({ ...rest, linux });
  return `${text.slice(0, -'}}'.length)},"seccomp":${seccomp}}}`;
}

function specAny({ spec, seccomp }: BuiltSpec) {
  return { typeUrl: specTypeUrl, value: Buffer.from(specText(spec, seccomp)) };
}

export async function createRecord(
  context: EngineContext,
  settings: ContainerSettings,
  built: BuiltSpec,
): Promise<void> {
  await context.client.containers.Create({
    container: {
      id: settings.id,
      labels: { [ownerLabel]: context.engineId },
      image: settings.imageReference,
      runtime: { name: settings.runtime, options: optionsMessage(settings.runtimeOptions) },
      spec: specAny(built),
      snapshotter: settings.snapshotter,
      snapshotKey: settings.snapshotKey,
      extensions: {},
    },
  });
}

export async function updateRecord(
  context: EngineContext,
  settings: ContainerSettings,
  built: BuiltSpec,
): Promise<void> {
  await context.client.containers.Update({
    container: { id: settings.id, spec: specAny(built) },
    updateMask: { paths: ['spec'] },
  });
}
