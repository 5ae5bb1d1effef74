// Checks of the systemd cgroup driver on a machine that systemd has booted.
import type { Check, World } from './check.ts';
import { rootlessSystemdChecks } from './rootless-systemd-checks.ts';

const sleeper = ['sleep', '600'];
const show = (property: string) => `"$(systemctl show -P ${property} check-$ID.scope)"`;

const checks: Check[] = [
  {
    name: 'a container is a scope in its slice, with its limits as properties',
    args: sleeper,
    change: (config) => {
      config.linux.resources.memory = { limit: 67108864, reservation: 33554432, swap: 100663296 };
      config.linux.resources.cpu = { shares: 1024, quota: 25000, period: 100000, cpus: '0' };
      config.linux.resources.pids = { limit: 42 };
    },
    script: `
      launch
      expect ${show('ActiveState')} active
      expect ${show('Slice')} world.slice
      expect ${show('Delegate')} yes
      expect ${show('MemoryMax')} 67108864
      expect ${show('MemoryLow')} 33554432
      expect ${show('MemorySwapMax')} 33554432
      expect ${show('CPUWeight')} 100
      expect ${show('CPUQuotaPerSecUSec')} 250ms
      expect ${show('AllowedCPUs')} 0
      expect ${show('TasksMax')} 42
      expect "$(value memory.max)-$(value cpu.max)-$(value pids.max)" "67108864-25000 100000-42"
      expect "$(wc -l < $CG/cgroup.procs)" 1
    `,
  },
  {
    name: 'update reaches systemd too, and a reload keeps the limits',
    args: sleeper,
    script: `
      launch
      ts update --memory 64M --pids-limit 9 --cpu-quota 50000 --cpu-period 100000 "$ID"
      expect ${show('MemoryMax')} 67108864
      expect ${show('TasksMax')} 9
      expect ${show('CPUQuotaPerSecUSec')} 500ms
      systemctl daemon-reload
      expect "$(value memory.max)-$(value pids.max)-$(value cpu.max)" "67108864-9-50000 100000"
      ts update --pids-limit -1 "$ID"
      expect ${show('TasksMax')} infinity
    `,
  },
  {
    name: 'device rules hold although systemd has its own',
    args: sleeper,
    change: (config) => {
      for (const set of Object.values(config.process.capabilities as Record<string, string[]>)) set.push('CAP_MKNOD');
      config.root.readonly = false;
    },
    script: `
      launch
      ts exec "$ID" sh -c 'head -c 4 /dev/zero >/dev/null; mknod /dev/r0 b 1 0'
      ts exec "$ID" dd if=/dev/r0 of=/dev/null bs=512 count=1 2>&1 | grep 'not permitted'
      systemctl daemon-reload
      ts exec "$ID" dd if=/dev/r0 of=/dev/null bs=512 count=1 2>&1 | grep 'not permitted'
      ts exec "$ID" head -c 4 /dev/zero >/dev/null
    `,
  },
  {
    name: 'exec, pause, resume and kill work in a scope, and it ends with its container',
    args: sleeper,
    script: `
      launch
      expect "$(ts exec "$ID" cat /proc/self/cgroup)" 0::/
      ts pause "$ID"
      expect "$(status)" paused
      ts resume "$ID"
      ts kill "$ID" KILL
      wait_for is_status stopped
      ts delete "$ID"
      expect ${show('LoadState')} not-found
    `,
  },
  {
    name: 'properties come from annotations only when they are on the list',
    args: sleeper,
    change: (config) => {
      config.annotations = {
        'org.systemd.property.TimeoutStopUSec': 'uint64 123000000',
        'org.systemd.property.CollectMode': "'inactive-or-failed'",
      };
    },
    script: `
      launch
      expect ${show('TimeoutStopUSec')} '2min 3s'
      expect ${show('CollectMode')} inactive-or-failed
    `,
  },
  {
    name: 'any other property in an annotation is refused (CVE-2024-3154)',
    args: sleeper,
    change: (config) => {
      config.annotations = { 'org.systemd.property.ExecStartPre': "'/bin/touch /owned'" };
    },
    script: `
      ts run -b "$BUNDLE" "$ID" 2>&1 | grep 'org.systemd.property.ExecStartPre'
      [ ! -e /owned ]
    `,
  },
  {
    name: 'a path that is not slice:prefix:name is refused',
    args: sleeper,
    change: (config) => {
      config.linux.cgroupsPath = '/somewhere/else';
    },
    script: `ts run -b "$BUNDLE" "$ID" 2>&1 | grep 'slice:prefix:name'`,
  },
  {
    name: 'without a path the scope is tsrunc-<id> in system.slice; nested slices are expanded',
    args: sleeper,
    change: (config) => {
      config.linux.cgroupsPath = undefined;
    },
    script: `
      launch
      [ -d /sys/fs/cgroup/system.slice/tsrunc-$ID.scope ]
      ts delete -f "$ID"
      sed 's/"linux":{/"linux":{"cgroupsPath":"a-b.slice:p:n",/' "$BUNDLE/config.json" >/tmp/config.json
      mkdir -p /tmp/nested && mv /tmp/config.json /tmp/nested/
      BUNDLE=/tmp/nested launch
      [ -d /sys/fs/cgroup/a.slice/a-b.slice/p-n.scope ]
      ts delete -f "$ID"
      [ ! -d /sys/fs/cgroup/a.slice/a-b.slice/p-n.scope ]
    `,
  },
];

export const systemdWorld: World = {
  name: 'systemd',
  kernelArguments: ['cgroup_no_v1=all', 'systemd.unified_cgroup_hierarchy=1', 'systemd.journald.forward_to_console=0'],
  init: 'systemd',
  hasOrdinaryUser: true,
  checks: [...checks, ...rootlessSystemdChecks],
};
