// Checks on pure cgroup v2 with AppArmor: each limit is not only written but felt.
import type { Check, World } from './check.ts';
import { checkpointChecks } from './checkpoint-checks.ts';
import { rootlessChecks } from './rootless-checks.ts';

const sleeper = ['sleep', '600'];
const shell = (script: string): string[] => ['sh', '-c', script];

const limits: Check[] = [
  {
    name: 'a container runs in its own group and sees only that',
    args: shell('cat /proc/self/cgroup; ls -d /sys/fs/cgroup/*/ 2>/dev/null | wc -l; echo done'),
    script: `
      ts run -b "$BUNDLE" "$ID" >/tmp/run.out
      expect "$(head -1 /tmp/run.out)" 0::/
      expect "$(sed -n 2p /tmp/run.out)" 0
    `,
  },
  {
    name: 'limits of v1 words arrive in v2 files',
    args: sleeper,
    change: (config) => {
      config.linux.resources.memory = { limit: 67108864, swap: 100663296, reservation: 33554432 };
      config.linux.resources.cpu = { shares: 1024, quota: 50000, period: 200000, burst: 1000, cpus: '0', mems: '0' };
      config.linux.resources.pids = { limit: 42 };
      config.linux.resources.blockIO = { weight: 500 };
      config.linux.resources.unified = { 'memory.high': '50331648', 'cgroup.max.depth': '7' };
    },
    script: `
      launch
      expect "$(value memory.max)" 67108864
      expect "$(value memory.swap.max)" 33554432
      expect "$(value memory.low)" 33554432
      expect "$(value memory.high)" 50331648
      expect "$(value cpu.weight)" 100
      expect "$(value cpu.max)" "50000 200000"
      expect "$(value cpu.max.burst)" 1000
      expect "$(value cpuset.cpus)" 0
      expect "$(value cpuset.mems)" 0
      expect "$(value pids.max)" 42
      expect "$(value cgroup.max.depth)" 7
      expect "$(value io.weight 2>/dev/null || value io.bfq.weight)" "default 4950"
    `,
  },
  {
    name: 'update changes each limit and keeps what it is not told of',
    args: sleeper,
    script: `
      launch
      ts update --cpu-quota 30000 "$ID"
      expect "$(value cpu.max)" "30000 100000"
      ts update --cpu-period 50000 "$ID"
      expect "$(value cpu.max)" "30000 50000"
      ts update --cpu-quota -1 "$ID"
      expect "$(value cpu.max)" "max 50000"
      ts update --memory 64M --memory-swap 96M --memory-reservation 16M "$ID"
      expect "$(value memory.max)-$(value memory.swap.max)-$(value memory.low)" 67108864-33554432-16777216
      ts update --memory-swap 128M "$ID"
      expect "$(value memory.swap.max)" 67108864
      ts update --memory -1 "$ID"
      expect "$(value memory.max)-$(value memory.swap.max)" max-max
      ts update --pids-limit 7 --cpu-share 2 --cpuset-cpus 0 "$ID"
      expect "$(value pids.max)-$(value cpu.weight)-$(value cpuset.cpus)" 7-1-0
      ts update --cpu-idle 1 "$ID"
      expect "$(value cpu.idle)" 1
      echo '{"pids":{"limit":-1},"unified":{"memory.high":"1G"}}' | ts update -r - "$ID"
      expect "$(value pids.max)-$(value memory.high)" max-1073741824
      ts update --memory-swap 1M --memory 2M "$ID" 2>&1 | grep 'memory+swap limit should be >= memory limit'
    `,
  },
  {
    name: 'a process that wants more memory than its limit is killed and events tells of it',
    args: sleeper,
    change: (config) => {
      config.linux.resources.memory = { limit: 33554432, swap: 33554432 };
    },
    script: `
      launch
      ts events --interval 60s "$ID" >/tmp/events &
      watcher=$!
      sleep 0.5
      code=0; ts exec "$ID" dd if=/dev/zero of=/dev/null bs=100M count=1 || code=$?
      expect $code 137
      value memory.events | grep -q '^oom_kill 1'
      wait_for grep -q '"type":"oom"' /tmp/events
      echo 20M >$CG/memory.high # memory.events changes again, and again: nobody was killed
      ts exec "$ID" dd if=/dev/zero of=/dev/null bs=25M count=1
      within "$(sed -n 's/high //p' $CG/memory.events)" 1 1000000
      sleep 0.5
      expect "$(grep -c '"type":"oom"' /tmp/events)" 1
      echo max >$CG/memory.high
      ts exec "$ID" dd if=/dev/zero of=/dev/null bs=100M count=1 || true
      wait_for sh -c 'test "$(grep -c oom /tmp/events)" = 2'
      kill $watcher
    `,
  },
  {
    name: 'more processes than the limit cannot be made',
    args: sleeper,
    change: (config) => {
      config.linux.resources.pids = { limit: 5 };
    },
    script: `
      launch
      ts exec "$ID" sh -c 'for i in 1 2 3 4 5 6 7 8; do sleep 5 & done; wait' 2>&1 | grep "can't fork"
      within "$(sed -n 's/max //p' $CG/pids.events)" 1 100
    `,
  },
  {
    name: 'cpu.max holds a busy loop to its share',
    args: shell('while :; do :; done'),
    change: (config) => {
      config.linux.resources.cpu = { quota: 20000, period: 100000 };
    },
    script: `
      launch
      sleep 1
      before=$(sed -n 's/usage_usec //p' $CG/cpu.stat); began=$(milliseconds)
      sleep 3
      used=$((($(sed -n 's/usage_usec //p' $CG/cpu.stat) - before) / 1000)); took=$(($(milliseconds) - began))
      within $((used * 100 / took)) 10 30
      within "$(sed -n 's/nr_throttled //p' $CG/cpu.stat)" 5 10000
    `,
  },
  {
    name: 'io.max slows the reading of a block device',
    args: sleeper,
    change: (config) => {
      config.linux.devices = [{ path: '/dev/loop0', type: 'b', major: 7, minor: 0, fileMode: 0o600 }];
      config.linux.resources.devices = [{ allow: true, type: 'b', major: 7, minor: 0, access: 'r' }];
      config.linux.resources.blockIO = { throttleReadBpsDevice: [{ major: 7, minor: 0, rate: 1048576 }] };
    },
    script: `
      launch
      dd if=/dev/zero of=/tmp/disk bs=1M count=4
      losetup /dev/loop0 /tmp/disk
      expect "$(value io.max)" "7:0 rbps=1048576 wbps=max riops=max wiops=max"
      began=$(milliseconds)
      ts exec "$ID" dd if=/dev/loop0 of=/dev/null bs=64k count=48
      within $(($(milliseconds) - began)) 2000 20000
    `,
  },
  {
    name: 'huge pages are limited',
    args: sleeper,
    change: (config) => {
      config.linux.resources.hugepageLimits = [{ pageSize: '2MB', limit: 4194304 }];
    },
    script: `
      launch
      expect "$(value hugetlb.2MB.max)" 4194304
      expect "$(value hugetlb.2MB.rsvd.max)" 4194304
    `,
  },
];

const refusals: Check[] = (
  [
    ['memory.swappiness', 'memory', { swappiness: 60 }],
    ['memory.disableOOMKiller', 'memory', { disableOOMKiller: true }],
    ['cpu.realtimeRuntime', 'cpu', { realtimeRuntime: 1000 }],
    ['blockIO.leafWeight', 'blockIO', { leafWeight: 100 }],
    ['network.classID', 'network', { classID: 5 }],
    ['unified: no.such', 'unified', { 'no.such': '1' }],
  ] as [string, string, object][]
).map(([field, section, value]) => ({
  name: `a limit that v2 does not have is refused by name: ${field}`,
  args: sleeper,
  change: (config) => {
    config.linux.resources[section] = value;
  },
  script: `ts run -b "$BUNDLE" "$ID" 2>&1 | grep 'linux.resources.${field}'`,
}));

const lifecycle: Check[] = [
  {
    name: 'pause freezes, resume thaws, exec waits for neither',
    args: shell('i=0; while :; do i=$((i+1)); done'),
    script: `
      launch
      ts pause "$ID"
      expect "$(status)" paused
      expect "$(value cgroup.freeze)" 1
      before=$(sed -n 's/usage_usec //p' $CG/cpu.stat)
      sleep 1
      within $(($(sed -n 's/usage_usec //p' $CG/cpu.stat) - before)) 0 20000
      ts exec "$ID" true 2>&1 | grep paused
      ts resume "$ID"
      expect "$(status)" running
      ts exec "$ID" true
      ts pause "$ID"
      ts delete -f "$ID"
      ts state "$ID" 2>&1 | grep 'does not exist'
    `,
  },
  {
    name: 'exec joins the group, its namespaces and its limits',
    args: sleeper,
    script: `
      launch
      expect "$(ts exec "$ID" cat /proc/self/cgroup)" 0::/
      code=0; ts exec "$ID" sh -c 'exit 9' || code=$?
      expect $code 9
      ts exec -d "$ID" sleep 300
      expect "$(ts ps -f json "$ID" | tr -cd , | wc -c)" 1
      expect "$(wc -l < $CG/cgroup.procs)" 2
    `,
  },
  {
    name: 'kill --all ends every process through cgroup.kill, also those that fork on',
    args: shell('trap "" TERM; while :; do sh -c "trap \\"\\" TERM; sleep 100" & sleep 0.2; done'),
    change: (config) => {
      config.linux.namespaces = config.linux.namespaces.filter((item) => item.type !== 'pid');
      config.mounts = config.mounts.filter((mount) => mount.destination !== '/proc');
      config.linux.maskedPaths = [];
      config.linux.readonlyPaths = [];
      config.linux.resources.pids = { limit: 50 };
    },
    script: `
      launch
      wait_for sh -c "[ \\$(wc -l < $CG/cgroup.procs) -gt 4 ]"
      ts kill --all "$ID" KILL
      wait_for grep -q 'populated 0' $CG/cgroup.events
      wait_for is_status stopped
    `,
  },
  {
    name: 'devices are those that the rules allow, by a BPF program',
    args: sleeper,
    change: (config) => {
      config.root.readonly = false;
      for (const set of Object.values(config.process.capabilities as Record<string, string[]>)) set.push('CAP_MKNOD');
      config.linux.resources.devices = [
        { allow: false, access: 'rwm' },
        { allow: true, type: 'b', major: 1, minor: 0, access: 'r' },
        { allow: true, type: 'b', major: 1, minor: 1, access: 'r' },
        { allow: true, type: 'b', major: 1, minor: 1, access: 'w' },
      ];
    },
    script: `
      launch
      ts exec "$ID" sh -c 'head -c 4 /dev/zero >/dev/null; for n in 0 1 2; do mknod /dev/r$n b 1 $n; done'
      ts exec "$ID" dd if=/dev/r0 of=/dev/null bs=512 count=1
      ts exec "$ID" dd if=/dev/zero of=/dev/r0 bs=512 count=1 2>&1 | grep 'not permitted'
      ts exec "$ID" sh -c 'exec 3<>/dev/r0' 2>&1 | grep 'not permitted'
      ts exec "$ID" sh -c 'exec 3<>/dev/r1'
      ts exec "$ID" dd if=/dev/r2 of=/dev/null bs=512 count=1 2>&1 | grep 'not permitted'
      ts update --pids-limit 30 "$ID"
      ts exec "$ID" dd if=/dev/r2 of=/dev/null bs=512 count=1 2>&1 | grep 'not permitted'
    `,
  },
  {
    name: 'a group that is there already: told of when full, refused when frozen',
    args: sleeper,
    script: `
      mkdir -p $CG
      echo 1 >$CG/cgroup.freeze
      ts run -b "$BUNDLE" "$ID" 2>&1 | grep "container's cgroup unexpectedly frozen"
      [ -d $CG ]
      rmdir $CG
      launch
      ts --debug --log /tmp/second.log create -b "$BUNDLE" second </dev/null >/dev/null 2>&1
      grep "container's cgroup is not empty" /tmp/second.log
      ts delete -f second
      expect "$(status)" running
    `,
  },
  {
    name: 'events --stats has the figures of the group',
    args: sleeper,
    change: (config) => {
      config.linux.resources.memory = { limit: 67108864 };
      config.linux.resources.pids = { limit: 20 };
    },
    script: `
      launch
      ts events --stats "$ID" >/tmp/stats
      grep -q '"type":"stats"' /tmp/stats
      grep -q '"limit":67108864' /tmp/stats
      grep -q '"pids":{"current":1,"limit":20}' /tmp/stats
      grep -q '"hugetlb":{.*"2MB"' /tmp/stats
    `,
  },
  {
    name: 'the systemd driver says so where no systemd runs',
    args: sleeper,
    script: `ts --systemd-cgroup run -b "$BUNDLE" "$ID" 2>&1 | grep 'systemd'`,
  },
];

const apparmor: Check[] = [
  {
    name: 'an AppArmor profile is applied to init and to exec, and denies',
    args: sleeper,
    change: (config) => {
      config.root.readonly = false;
      config.process.apparmorProfile = 'world-test';
    },
    script: `
      expect "$(cat /sys/module/apparmor/parameters/enabled)" Y
      apparmor_parser -r /world/apparmor-profile
      launch
      expect "$(ts exec "$ID" cat /proc/1/attr/current)" "world-test (enforce)"
      expect "$(ts exec "$ID" cat /proc/self/attr/apparmor/current)" "world-test (enforce)"
      ts exec "$ID" touch /tmp/allowed
      ts exec "$ID" touch /tmp/forbidden 2>&1 | grep 'Permission denied'
    `,
  },
  {
    name: 'an AppArmor profile that is not loaded is an error that names it',
    args: sleeper,
    change: (config) => {
      config.process.apparmorProfile = 'no-such-profile';
    },
    script: `ts run -b "$BUNDLE" "$ID" 2>&1 | grep 'no-such-profile'`,
  },
];

export const cgroupWorld: World = {
  name: 'cgroup v2 and AppArmor',
  kernelArguments: ['cgroup_no_v1=all', 'apparmor=1', 'security=apparmor', 'lsm=apparmor', 'hugepages=4'],
  init: 'busybox',
  hasOrdinaryUser: true,
  checks: [...limits, ...refusals, ...lifecycle, ...apparmor, ...checkpointChecks, ...rootlessChecks],
};
