// What of a create or update request is in force: everything else is refused by name, so that no setting is ignored.

import { existsSync, readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { cpus } from 'node:os';
import { ContainerError } from '@tscontainer/core/errors';
import { checkDeviceRequests } from '../devices/device-requests.ts';
import { checkLogConfig } from '../logs/log-drivers.ts';
import { parseLink } from '../networks/links.ts';
import { parseContainerPort, publishWishes } from '../networks/port-bindings.ts';
import { checkBlockLimits, checkRealtime } from './block-limits.ts';
import type { ContainerConfig, HostConfig } from './container-config.ts';
import { checkHealthcheck } from './health-check.ts';
import { builtin, seccompChoice, unconfined } from './seccomp-policy.ts';
import { parseSeccompProfile } from './seccomp-rules.ts';
import { parseSignal } from './signals.ts';

function refuse(field: string, why: string): ContainerError {
  return new ContainerError('invalid-argument', `${field}: ${why}`, { reason: 'unsupported-setting' });
}

/** Docker's words, as they are. */
function invalid(message: string): ContainerError {
  return new ContainerError('invalid-argument', message);
}

/** Not zero as Go sees it. */
function isSet(value: unknown): boolean {
  if (value === undefined || value === null || value === '' || value === 0 || value === false) return false;
  if (Array.isArray(value)) return value.length > 0;
  return typeof value === 'object' ? Object.keys(value).length > 0 : true;
}

/** Fields that this engine does not carry out. A zero value means the same as their absence. */
const unsupportedHostFields = [
  'Cgroup',
  'Capabilities',
  'KernelMemory',
  'KernelMemoryTCP',
  'CpuCount',
  'CpuPercent',
  'IOMaximumIOps',
  'IOMaximumBandwidth',
];

const macPattern = /^[0-9a-f]{2}([:-][0-9a-f]{2}){5}$/i;
const restartPolicies = ['', 'no', 'always', 'on-failure', 'unless-stopped'];
const minMemoryBytes = 6 * 1024 * 1024;

/** Throws invalid-argument naming the first field that is not in force or makes no sense. */
export function checkConfig(config: ContainerConfig): void {
  if (config.Healthcheck !== undefined) checkHealthcheck(config.Healthcheck);
  if (config.Hostname.length > 64)
    throw refuse('Config.Hostname', `invalid hostname ${config.Hostname}: longer than 64 characters`);
  for (const entry of config.Env ?? []) {
    if (entry === '' || entry.startsWith('=')) throw refuse('Config.Env', `invalid environment variable: ${entry}`);
  }
  if (config.MacAddress && !macPattern.test(config.MacAddress))
    throw invalid(`invalid MAC address: address ${config.MacAddress}: invalid MAC address`);
  if (config.StopSignal) parseSignal(config.StopSignal);
  for (const port of Object.keys(config.ExposedPorts ?? {})) parseContainerPort(port);
  if (config.WorkingDir !== '' && !config.WorkingDir.startsWith('/')) {
    throw refuse(
      'Config.WorkingDir',
      `the working directory '${config.WorkingDir}' is invalid, it needs to be an absolute path`,
    );
  }
}

/** The same for HostConfig; `raw` is what the client sent, with fields that HostConfig's type leaves out. */
export function checkHostConfig(host: HostConfig, raw: Record<string, unknown>): void {
  for (const field of unsupportedHostFields) {
    if (isSet(raw[field])) throw refuse(`HostConfig.${field}`, 'not supported by this engine');
  }
  if (Object.keys(host.StorageOpt ?? {}).length > 0)
    throw invalid("--storage-opt is supported only for overlay over xfs with 'pquota' mount option");
  checkNetwork(host);
  for (const path of Object.keys(host.Tmpfs ?? {}))
    if (!path.startsWith('/')) throw invalid(`invalid mount path: '${path}' mount path must be absolute`);
  checkNamespaces(host);
  checkResources(host);
  checkBlockLimits(host);
  checkRealtime(host);
  checkDeviceRequests(host.DeviceRequests);
  checkLogConfig(host.LogConfig);
  checkRestart(host);
  for (const option of host.SecurityOpt ?? []) checkSecurityOption(option);
}

function checkNetwork(host: HostConfig): void {
  const wishes = publishWishes(host.PortBindings);
  const isShared = host.NetworkMode.startsWith('container:');
  if (isShared && (wishes.length > 0 || host.PublishAllPorts))
    throw new ContainerError(
      'invalid-argument',
      'conflicting options: port publishing and the container type network mode',
    );
  if (isShared && (host.Dns.length > 0 || (host.ExtraHosts ?? []).length > 0))
    throw new ContainerError('invalid-argument', 'conflicting options: dns or custom hosts and the network mode');
  for (const link of host.Links ?? []) parseLink(link);
  if ((host.Links ?? []).length > 0 && (isShared || host.NetworkMode === 'host'))
    throw new ContainerError(
      'invalid-argument',
      `conflicting options: ${isShared ? 'container' : 'host'} type networking can't be used with links. This would result in undefined behavior`,
    );
  for (const server of host.Dns)
    if (isIP(server) === 0) throw new ContainerError('invalid-argument', `${server} is not an ip address`);
}

const modeNames: Partial<Record<keyof HostConfig, string>> = {
  PidMode: 'PID',
  IpcMode: 'IPC',
  UTSMode: 'UTS',
  CgroupnsMode: 'cgroup namespace',
};

function checkNamespaces(host: HostConfig): void {
  const oneOf = (field: keyof HostConfig, accepted: string[], allowsContainer: boolean) => {
    const value = String(host[field]);
    if (accepted.includes(value) || (allowsContainer && /^container:.+/.test(value))) return;
    throw new ContainerError('invalid-argument', `invalid ${modeNames[field] ?? field} mode: ${value}`);
  };
  if (!['', 'default'].includes(host.Isolation))
    throw new ContainerError(
      'invalid-argument',
      `invalid isolation (${host.Isolation}): linux only supports 'default'`,
    );
  oneOf('PidMode', ['', 'host'], true);
  oneOf('IpcMode', ['', 'none', 'private', 'shareable', 'host'], true);
  oneOf('UTSMode', ['', 'host'], false);
  oneOf('CgroupnsMode', ['', 'host', 'private'], false);
  if (!/^(|host|private|auto(:(uid|size)=\d+(,(uid|size)=\d+)?)?)$/.test(host.UsernsMode))
    throw refuse('HostConfig.UsernsMode', `invalid mode: ${host.UsernsMode}`);
}

/** Asked once: it reads /proc/cpuinfo, and every create comes here. */
const processors = cpus().length;

function checkResources(host: HostConfig): void {
  if (host.Memory < 0) throw refuse('HostConfig.Memory', 'must not be negative');
  if (host.Memory > 0 && host.Memory < minMemoryBytes) throw invalid('Minimum memory limit allowed is 6MB');
  if (host.MemorySwap > 0 && host.Memory === 0)
    throw invalid('You should always set the Memory limit when using Memoryswap limit, see usage');
  if (host.MemorySwap > 0 && host.MemorySwap < host.Memory)
    throw invalid('Minimum memoryswap limit should be larger than memory limit, see usage');
  if (host.MemoryReservation > 0 && host.Memory > 0 && host.MemoryReservation > host.Memory) {
    throw invalid('Minimum memory limit can not be less than memory reservation limit, see usage');
  }
  const swappiness = host.MemorySwappiness;
  if (swappiness !== null && (swappiness < -1 || swappiness > 100))
    throw invalid(`Invalid value: ${swappiness}, valid memory swappiness range is 0-100`);
  if (host.NanoCpus < 0 || host.NanoCpus > processors * 1e9)
    throw invalid(`range of CPUs is from 0.01 to ${processors}.00, as there are only ${processors} CPUs available`);
  if (host.NanoCpus > 0 && (host.CpuPeriod > 0 || host.CpuQuota > 0))
    throw invalid(
      `Conflicting options: Nano CPUs and CPU ${host.CpuPeriod > 0 ? 'Period' : 'Quota'} cannot both be set`,
    );
  if (host.CpuPeriod !== 0 && (host.CpuPeriod < 1000 || host.CpuPeriod > 1_000_000))
    throw invalid('CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s (i.e. 1000000)');
  if (host.CpuQuota > 0 && host.CpuQuota < 1000) throw invalid('CPU cfs quota can not be less than 1ms (i.e. 1000)');
  if (host.CpuShares < 0) throw invalid(`invalid CPU shares (${host.CpuShares}): value must be a positive integer`);
  checkCpuList('CPUs', host.CpusetCpus, '/sys/devices/system/cpu/online');
  checkCpuList('memory nodes', host.CpusetMems, '/sys/devices/system/node/online');
  if (host.BlkioWeight !== 0 && (host.BlkioWeight < 10 || host.BlkioWeight > 1000))
    throw invalid('Range of blkio weight is from 10 to 1000');
  if (host.OomScoreAdj < -1000 || host.OomScoreAdj > 1000)
    throw invalid(`Invalid value ${host.OomScoreAdj}, range for oom score adj is [-1000, 1000]`);
  if (host.ShmSize < 0) throw invalid('SHM size can not be less than 0');
}

/** `0-3,5` as numbers; undefined when it is no such list. */
function parseCpuList(text: string): Set<number> | undefined {
  const numbers = new Set<number>();
  for (const part of text.trim().split(',')) {
    const match = /^(\d+)(?:-(\d+))?$/.exec(part.trim());
    if (match === null) return undefined;
    const last = Number(match[2] ?? match[1]);
    if (last > maxCpuNumber) return undefined;
    for (let number = Number(match[1]); number <= last; number++) numbers.add(number);
  }
  return numbers;
}

const maxCpuNumber = 8191;

function checkCpuList(what: string, text: string, onlineFile: string): void {
  if (text === '') return;
  const wanted = parseCpuList(text);
  if (wanted === undefined)
    throw new ContainerError(
      'invalid-argument',
      `Invalid value ${text} for cpuset ${what === 'CPUs' ? 'cpus' : 'mems'}: invalid format: ${text}`,
    );
  if (!existsSync(onlineFile)) return;
  const available = readFileSync(onlineFile, 'utf8').trim();
  const online = parseCpuList(available) ?? new Set();
  if ([...wanted].some((number) => !online.has(number)))
    throw new ContainerError(
      'invalid-argument',
      `Requested ${what} are not available - requested ${text}, available: ${available}`,
    );
}

function checkRestart(host: HostConfig): void {
  const { Name, MaximumRetryCount } = host.RestartPolicy;
  const refuse = (what: string) => invalid(`invalid restart policy: ${what}`);
  if (!restartPolicies.includes(Name))
    throw refuse(`unknown policy '${Name}'; use one of 'no', 'always', 'on-failure', or 'unless-stopped'`);
  if (Name !== 'on-failure' && MaximumRetryCount !== 0)
    throw refuse("maximum retry count can only be used with 'on-failure'");
  if (MaximumRetryCount < 0) throw refuse('maximum retry count cannot be negative');
  if (host.AutoRemove && Name !== 'no' && Name !== '')
    throw invalid("can't create 'AutoRemove' container with restart policy");
}

function checkSecurityOption(option: string): void {
  if (/^no-new-privileges([=:](true|false))?$/.test(option)) return;
  if (/^seccomp[=:]./.test(option)) {
    checkSeccompChoice(seccompChoice([option]));
    return;
  }
  if (
    option === 'apparmor=unconfined' ||
    option === 'apparmor:unconfined' ||
    option === 'label=disable' ||
    option === 'label:disable'
  )
    return;
  const [name = '', value] = option.split(/[=:](.*)/s);
  if (value === undefined) throw invalid(`invalid --security-opt 1: ${JSON.stringify(option)}`);
  if (!['apparmor', 'label', 'seccomp', 'no-new-privileges'].includes(name))
    throw invalid(`invalid --security-opt 2: ${JSON.stringify(option)}`);
  throw refuse('HostConfig.SecurityOpt', `${option}: not supported by this engine`);
}

/** What a profile holds beyond its form is resolved with the container's capabilities, when the specification is made. */
function checkSeccompChoice(choice: string): void {
  if (choice !== builtin && choice !== unconfined) parseSeccompProfile(choice);
}
