// Checks of an ordinary user's containers on pure cgroup v2, without systemd: in a group that was delegated to them, as
// systemd's Delegate= does it, outside of it, and without one.
import type { BundleConfig } from '../oci/bundle.ts';
import type { Check } from './check.ts';
import { userId } from './ordinary-user.ts';

const sleeper = ['sleep', '600'];

/** As `spec --rootless` writes it, with a cgroup namespace. */
export function makeRootless(config: BundleConfig): void {
  const mapping = { containerID: 0, hostID: userId, size: 1 };
  Object.assign(config.linux, { uidMappings: [mapping], gidMappings: [mapping] });
  config.linux.namespaces = config.linux.namespaces.filter(({ type }) => type !== 'network');
  config.linux.namespaces.push({ type: 'user' });
  dropForeignGroups(config);
}

/** What a user without a network namespace and with one id only cannot mount. */
export function dropForeignGroups(config: BundleConfig): void {
  for (const mount of config.mounts) {
    if (mount.destination === '/sys')
      Object.assign(mount, { type: 'none', source: '/sys', options: ['rbind', 'nosuid', 'noexec', 'nodev', 'ro'] });
    if (mount.destination === '/dev/pts') mount.options = mount.options?.filter((option) => option !== 'gid=5') ?? [];
  }
}

export const asUser = `
  export XDG_RUNTIME_DIR=/run/user/${userId} HOME=/tmp USER=user
  mkdir -p $XDG_RUNTIME_DIR && chown ${userId} $XDG_RUNTIME_DIR
  # a word of its own for what a command ends with
  code() { "$@" >/tmp/out 2>&1 && echo 0 || echo $?; }
  # as GROUP COMMAND...: as the ordinary user, from that group
  as() {
    sh -c 'echo 0 >"$0/cgroup.procs" && exec /sbin/setpriv --reuid ${userId} --regid ${userId} --clear-groups "$@"' "$@"
  }
`;

const begin = `${asUser}
  # with three controllers, whatever the checks before have turned on
  users=/sys/fs/cgroup/users; D=$users/deleg
  mkdir -p $users
  for group in /sys/fs/cgroup $users; do echo +memory +pids +cpu >$group/cgroup.subtree_control; done
  # what a check that failed has left
  [ ! -d $D ] || { echo 1 >$D/cgroup.kill; sleep 1; find $D -type d | sort -r | xargs rmdir; rm -rf $XDG_RUNTIME_DIR/tsrunc; }
  mkdir -p $D
  chown ${userId} $D $D/cgroup.procs $D/cgroup.subtree_control $D/cgroup.threads
  /sbin/setpriv --reuid ${userId} mkdir -p $D/shell
  tr() { as $D/shell tsrunc "$@"; }
  up() { tr run -d -b "$BUNDLE" "$ID" </dev/null >/tmp/init.out 2>&1 || { cat /tmp/init.out; return 1; }; CG=$D/$ID; }
  state() { tr state "$ID" | sed -n 's/.*"status": "\\(.*\\)".*/\\1/p'; }
  is() { [ "$(state)" = "$1" ]; }
`;
const end = `
  [ -z "$(ls $XDG_RUNTIME_DIR/tsrunc)" ]
  rmdir $D/shell $D $users
`;

export const rootlessChecks: Check[] = [
  {
    name: 'an ordinary user: a container in a delegated group, its limits in force, and every verb',
    args: sleeper,
    change: (config) => {
      makeRootless(config);
      delete config.linux['cgroupsPath'];
      config.linux.resources = {
        devices: [{ allow: false, access: 'rwm' }],
        memory: { limit: 33554432, swap: 33554432 },
        pids: { limit: 8 },
        cpu: { quota: 50000, period: 100000, shares: 1024 },
      };
    },
    script: `${begin}
      up
      expect "$(value memory.max)-$(value pids.max)-$(value cpu.max)-$(value cpu.weight)" "33554432-8-50000 100000-100"
      expect "$(stat -c %u $CG/cgroup.procs)-$(wc -l <$CG/cgroup.procs)" ${userId}-1
      expect "$(tr exec "$ID" sh -c 'cat /proc/self/cgroup; head -c 2 /dev/zero | wc -c')" "$(printf '0::/\\n2')"
      tr events --interval 200ms "$ID" >/tmp/events &
      watcher=$!
      wait_for grep -q '"type":"stats"' /tmp/events
      expect "$(code tr exec "$ID" dd if=/dev/zero of=/dev/null bs=40M count=1)" 137
      grep -q '^oom_kill 1' $CG/memory.events
      wait_for grep -q '"type":"oom"' /tmp/events
      tr exec "$ID" sh -c 'for i in 1 2 3 4 5 6 7 8 9; do sleep 1 & done; wait' 2>&1 | grep "can't fork"
      tr events --stats "$ID" | grep '"pids":{"current":[0-9]*,"limit":8}'
      tr update --memory 64M --memory-swap 64M --pids-limit 20 --cpu-quota 20000 "$ID"
      expect "$(value memory.max)-$(value pids.max)-$(value cpu.max)" "67108864-20-20000 100000"
      tr pause "$ID"
      expect "$(state)" paused; expect "$(value cgroup.freeze)" 1
      tr resume "$ID"
      expect "$(state)" running
      expect "$(tr ps -f json "$ID")" "[$(cat $CG/cgroup.procs)]"
      tr kill "$ID" KILL
      wait_for is stopped
      wait $watcher
      tr delete "$ID"
      [ ! -d $CG ]
      ${end}
    `,
  },
  {
    name: 'an ordinary user: from outside of the delegated group create is refused, exec goes without the group',
    args: sleeper,
    change: (config) => {
      makeRootless(config);
      config.linux.resources = {};
      config.linux['cgroupsPath'] = '/users/deleg/far';
    },
    script: `${begin}
      expect "$(code as /sys/fs/cgroup tsrunc run -d -b "$BUNDLE" "$ID" </dev/null)" 1
      grep 'this process is in /, and may not write /sys/fs/cgroup/cgroup.procs' /tmp/out
      [ ! -d $D/far ]
      [ -z "$(ls $XDG_RUNTIME_DIR/tsrunc)" ]
      up
      expect "$(wc -l <$D/far/cgroup.procs)" 1
      expect "$(as /sys/fs/cgroup tsrunc --log $XDG_RUNTIME_DIR/log exec "$ID" cat /proc/self/cgroup; grep -c 'runs outside of the container.s cgroup' $XDG_RUNTIME_DIR/log)" "$(printf '0::/../../..\\n1')"
      tr delete -f "$ID"
      [ ! -d $D/far ]
      ${end}
    `,
  },
  {
    name: 'an ordinary user: without a delegated group there is none, and limits are refused by name',
    args: sleeper,
    change: (config) => {
      makeRootless(config);
      delete config.linux['cgroupsPath'];
      config.linux.resources = {};
    },
    script: `${asUser}
      tr() { as /sys/fs/cgroup tsrunc "$@"; }
      refused() { expect "$(code tr "$@")" 1; cat /tmp/out; }
      tr run -d -b "$BUNDLE" "$ID" </dev/null >/tmp/init.out 2>&1 || { cat /tmp/init.out; false; }
      expect "$(tr exec "$ID" sh -c 'echo in; exit 3' || echo $?)" "$(printf 'in\\n3')"
      refused pause "$ID" | grep 'the container has no freezer cgroup'
      refused ps "$ID" | grep 'it has no cgroup'
      refused events --stats "$ID" | grep 'the container has no cgroup'
      refused update --pids-limit 5 "$ID" | grep 'the container has no cgroup'
      tr kill "$ID" KILL
      tr delete -f "$ID"
      mkdir -p /tmp/limited
      sed 's/"resources":{}/"resources":{"pids":{"limit":5}}/' "$BUNDLE/config.json" >/tmp/limited/config.json
      refused run -b /tmp/limited "$ID" </dev/null | grep 'rootless needs no limits + no cgrouppath when no permission is granted for cgroups'
      sed 's/"linux":{/"linux":{"cgroupsPath":"\\/there",/' "$BUNDLE/config.json" >/tmp/limited/config.json
      refused run -b /tmp/limited "$ID" </dev/null | grep 'permission denied'
      [ ! -d /sys/fs/cgroup/there ]
      [ -z "$(ls $XDG_RUNTIME_DIR/tsrunc)" ]
    `,
  },
  {
    name: 'an ordinary user: a controller that was not delegated is named, and so is a group with processes in it',
    args: ['true'],
    change: (config) => {
      makeRootless(config);
      config.linux['cgroupsPath'] = '/users/deleg/here';
      config.linux.resources = { cpu: { cpus: '0' } };
    },
    script: `${begin}
      expect "$(code tr run -b "$BUNDLE" "$ID" </dev/null)" 1
      grep 'the controller cpuset is not available in this cgroup, which has only cpu memory pids' /tmp/out
      [ ! -d $D/here ]
      sed 's/"resources":{[^}]*}}/"resources":{"memory":{"limit":33554432}}/' "$BUNDLE/config.json" >/tmp/config.json
      mkdir -p /tmp/full && mv /tmp/config.json /tmp/full/
      echo -cpu -memory -pids >$D/cgroup.subtree_control
      expect "$(code as $D tsrunc run -b /tmp/full "$ID" </dev/null)" 1
      grep 'the controller memory is not available in this cgroup, which has none' /tmp/out
      [ ! -d $D/here ]
      ${end}
    `,
  },
  {
    name: 'an ordinary user: runc and crun end alike, and oomScoreAdj is as low as it may be, which stops them',
    args: ['cat', '/sys/fs/cgroup/memory.max', '/proc/self/oom_score_adj', '/proc/self/cgroup'],
    change: (config) => {
      makeRootless(config);
      delete config.linux['cgroupsPath'];
      config.linux.resources = { memory: { limit: 33554432 } };
      config['ociVersion'] = '1.0.2'; // crun's, which takes no newer one
    },
    script: `${begin}
      # variant NAME SED...: the bundle, changed
      variant() { mkdir -p /tmp/$1; name=$1; shift; sed "$@" "$BUNDLE/config.json" >/tmp/$name/config.json; }
      variant free 's/"resources":{[^}]*}}/"resources":{}/; s/"[^"]*memory.max",//'
      variant placed 's/"resources":{[^}]*}}/"resources":{},"cgroupsPath":"\\/there"/'
      variant scored 's/"process":{/"process":{"oomScoreAdj":-700,/'
      try() { as $1 $2 --root $XDG_RUNTIME_DIR/$2 run -b $3 "$ID-$2" </dev/null >/tmp/out.$2 2>&1; echo $?; }
      two() { echo "$(try $1 tsrunc $2) $(try $1 runc $2)"; }
      expect "$(two $D/shell $BUNDLE) $(try $D/shell crun $BUNDLE)" '0 0 0'
      expect "$(cat /tmp/out.tsrunc)" "$(printf '33554432\\n0\\n0::/')"
      cmp /tmp/out.tsrunc /tmp/out.runc
      expect "$(head -1 /tmp/out.crun)" max # it has no group then, and says nothing
      expect "$(two /sys/fs/cgroup $BUNDLE)" '1 1'
      expect "$(two /sys/fs/cgroup /tmp/placed)" '1 1'
      expect "$(two /sys/fs/cgroup /tmp/free)" '0 0'
      # the lowest that root has ever let it be, and higher than that
      echo 100 >/proc/self/oom_score_adj
      scored() {
        as $D/shell sh -c 'echo 400 >/proc/self/oom_score_adj; exec "$@"' sh $1 --root $XDG_RUNTIME_DIR/$1 \\
          run -b /tmp/scored "$ID-$1" </dev/null >/tmp/out.$1 2>&1; echo $?
      }
      expect "$(scored tsrunc) $(scored runc) $(scored crun)" '0 1 1'
      echo 0 >/proc/self/oom_score_adj
      head -2 /tmp/out.*
      expect "$(sed -n 2p /tmp/out.tsrunc)" 100
      for each in tsrunc runc crun; do [ -z "$(ls $XDG_RUNTIME_DIR/$each)" ]; done
      ${end}
    `,
  },
];
