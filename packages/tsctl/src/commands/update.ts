// `tsctl update`: changes limits, the restart policy and the published ports of containers.
import { atLeastOne, type Command } from '../cli/command.ts';
import { CommandFailure } from '../cli/failures.ts';
import { flag } from '../cli/flags.ts';
import { containerPath } from '../client/containers.ts';
import { portBindings } from '../container-spec/ports.ts';
import { cpuOf, memoryOf } from '../container-spec/resources.ts';
import { forEachObject } from './each-object.ts';

export const updateCommand: Command = {
  name: 'update',
  summary: 'Update configuration of one or more containers',
  usage: 'CONTAINER [CONTAINER...]',
  flags: [
    flag('int', 'blkio-weight', 'Block IO (relative weight), between 10 and 1000, or 0 to disable (default 0)'),
    flag('int', 'cpu-period', 'Limit CPU CFS (Completely Fair Scheduler) period'),
    flag('int', 'cpu-quota', 'Limit CPU CFS (Completely Fair Scheduler) quota'),
    flag('int', 'cpu-rt-period', 'Limit the CPU real-time period in microseconds'),
    flag('int', 'cpu-rt-runtime', 'Limit the CPU real-time runtime in microseconds'),
    flag('int', 'cpu-shares,c', 'CPU shares (relative weight)'),
    flag('decimal', 'cpus', 'Number of CPUs'),
    flag('string', 'cpuset-cpus', 'CPUs in which to allow execution (0-3, 0,1)'),
    flag('string', 'cpuset-mems', 'MEMs in which to allow execution (0-3, 0,1)'),
    flag('bytes', 'kernel-memory', 'Kernel memory limit'),
    flag('bytes', 'memory,m', 'Memory limit'),
    flag('bytes', 'memory-reservation', 'Memory soft limit'),
    flag('bytes', 'memory-swap', "Swap limit equal to memory plus swap: '-1' to enable unlimited swap"),
    flag('int', 'memory-swappiness', 'Tune container memory swappiness (0 to 100)', '-1'),
    flag('bool', 'oom-kill-disable', 'Disable OOM Killer'),
    flag('int', 'pids-limit', 'Tune container pids limit (set -1 for unlimited)'),
    flag('string', 'restart', 'Restart policy to apply when a container exits'),
    flag('list', 'publish-add', 'Publish a further port, of a running container too (tscontainer only)'),
    flag('list', 'publish-rm', 'Withdraw a published port: 80/tcp or 8080:80 (tscontainer only)'),
  ],
  args: atLeastOne,
  completes: 'container',
  async run(context) {
    const { flags, client, out } = context;
    const [policy = '', count = '0'] = flags.text('restart').split(':');
    const limits = {
      ...memoryOf(flags),
      ...cpuOf(flags),
      PidsLimit: flags.int('pids-limit'),
      BlkioWeight: flags.int('blkio-weight'),
    };
    const body = {
      ...limits,
      ...(policy === '' ? {} : { RestartPolicy: { Name: policy, MaximumRetryCount: Number(count) } }),
    };
    const added = flags.list('publish-add');
    const removed = flags.list('publish-rm');
    Object.assign(body, {
      ...(added.length === 0 ? {} : { PublishAdd: portBindings(added) }),
      ...(removed.length === 0 ? {} : { PublishRemove: removed }),
    });
    if (Object.values(body).every((value) => value === undefined))
      throw new CommandFailure('you must provide one or more flags when using this command');
    const warnings: string[] = [];
    const exitCode = await forEachObject(context, context.args, async (name) => {
      const { Warnings } = await client.json<{ Warnings: string[] | null }>('POST', `${containerPath(name)}/update`, {
        body,
      });
      warnings.push(...(Warnings ?? []));
      return name;
    });
    for (const warning of warnings) out.line(warning);
    return exitCode;
  },
};
