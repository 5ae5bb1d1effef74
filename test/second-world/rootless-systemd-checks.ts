// Checks of an ordinary user's containers under a systemd of the user's own: scopes over its private socket and over the
// message bus, from a login session and from within, and a delegated scope without the systemd driver.
import type { BundleConfig } from '../oci/bundle.ts';
import type { Check } from './check.ts';
import { userId } from './ordinary-user.ts';
import { asUser, dropForeignGroups, makeRootless } from './rootless-checks.ts';

const manager = `/sys/fs/cgroup/user.slice/user-${userId}.slice/user@${userId}.service`;

const limited = (config: BundleConfig): void => {
  delete config.linux['cgroupsPath'];
  config['ociVersion'] = '1.0.2'; // crun's, which takes no newer one
  config.linux.resources = {
    devices: [{ allow: false, access: 'rwm' }],
    memory: { limit: 33554432, swap: 33554432 },
    pids: { limit: 8 },
    cpu: { quota: 50000, period: 100000 },
  };
};
const rootless = (config: BundleConfig): void => {
  makeRootless(config);
  limited(config);
};

const begin = `${asUser}
  systemctl start user@${userId}.service
  # where a login would be, which is not the user's own to leave
  session=/sys/fs/cgroup/user.slice/user-${userId}.slice/session-1.scope
  mkdir -p $session
  scope=${manager}/user.slice/tsrunc-$ID.scope
  tr() { as $session tsrunc --systemd-cgroup "$@"; }
  unit() { as $session systemctl --user show -P $1 tsrunc-$ID.scope; }
  state() { tr state "$ID" | sed -n 's/.*"status": "\\(.*\\)".*/\\1/p'; }
  is() { [ "$(state)" = "$1" ]; }
`;
const limits = "$(printf '33554432\\n8\\n50000 100000\\n0::/')";
const tell = 'cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/pids.max /sys/fs/cgroup/cpu.max /proc/self/cgroup'.split(
  ' ',
);

export const rootlessSystemdChecks: Check[] = [
  {
    name: 'an ordinary user: from a login session into a scope of their own systemd, and every verb',
    args: ['sleep', '600'],
    change: rootless,
    script: `${begin}
      tr run -d -b "$BUNDLE" "$ID" </dev/null >/tmp/init.out 2>&1 || { cat /tmp/init.out; false; }
      CG=$scope
      expect "$(value memory.max)-$(value pids.max)-$(value cpu.max)" "33554432-8-50000 100000"
      expect "$(unit MemoryMax)-$(unit TasksMax)-$(unit Slice)-$(unit Delegate)" 33554432-8-user.slice-yes
      expect "$(wc -l <$CG/cgroup.procs)" 1
      tr exec -d "$ID" sleep 300
      expect "$(wc -l <$CG/cgroup.procs)" 2
      expect "$(tr exec "$ID" cat /proc/self/cgroup)" 0::/
      expect "$(code tr exec "$ID" dd if=/dev/zero of=/dev/null bs=40M count=1)" 137
      grep '^oom_kill 1' $CG/memory.events
      tr events --stats "$ID" | grep '"pids":{"current":2,"limit":8}'
      tr update --memory 64M --memory-swap 64M --pids-limit 20 "$ID"
      expect "$(value memory.max)-$(value pids.max)-$(unit MemoryMax)-$(unit TasksMax)" 67108864-20-67108864-20
      tr pause "$ID"
      expect "$(state)-$(value cgroup.freeze)" paused-1
      tr resume "$ID"
      tr kill "$ID" KILL
      wait_for is stopped
      tr delete "$ID"
      [ ! -d $CG ]
      expect "$(unit LoadState)" not-found
      [ -z "$(ls $XDG_RUNTIME_DIR/tsrunc)" ]
    `,
  },
  {
    name: 'an ordinary user: by the message bus, wherever its address is told; and who has none is told what to do',
    args: tell,
    change: rootless,
    script: `${begin}
      inside=${manager}/user.slice
      elsewhere=$XDG_RUNTIME_DIR/elsewhere
      mkdir -p $elsewhere && chown ${userId} $elsewhere
      by() { as $session env "$@" tsrunc --root $elsewhere/state --systemd-cgroup run -b "$BUNDLE" "$ID"; }
      expect "$(by XDG_RUNTIME_DIR=$elsewhere DBUS_SESSION_BUS_ADDRESS=unix:path=$XDG_RUNTIME_DIR/bus,guid=0)" "${limits}"
      expect "$(by -u XDG_RUNTIME_DIR)" "${limits}"
      expect "$(code by XDG_RUNTIME_DIR=$elsewhere)" 1
      cat /tmp/out
      grep 'talk to systemd .*/elsewhere/systemd/private, .*/elsewhere/bus: ENOENT.*loginctl enable-linger' /tmp/out
      ln -s ../bus $elsewhere/bus
      expect "$(by XDG_RUNTIME_DIR=$elsewhere)" "${limits}"
      [ -z "$(ls $elsewhere/state)" ]
      [ -z "$(ls $inside | grep scope)" ]
    `,
  },
  {
    name: 'an ordinary user: root in their user namespace, as podman is, has the same scopes',
    args: tell,
    change: (config) => {
      limited(config);
      config.linux.namespaces = config.linux.namespaces.filter(({ type }) => type !== 'network');
      dropForeignGroups(config);
    },
    script: `${begin}
      expect "$(as $session unshare -Urm tsrunc --systemd-cgroup run -b "$BUNDLE" "$ID")" "${limits}"
      [ ! -d $scope ]
    `,
  },
  {
    name: 'an ordinary user: in a delegated scope without the systemd driver, and what was not delegated is named',
    args: tell,
    change: rootless,
    script: `${begin}
      delegated() { as $session systemd-run -q --user --scope -p Delegate=yes tsrunc run -b $1 "$ID" </dev/null; }
      expect "$(delegated $BUNDLE)" "${limits}"
      mkdir -p /tmp/io
      sed 's/"cpu":{[^}]*}/"cpu":{"cpus":"0"}/' "$BUNDLE/config.json" >/tmp/io/config.json
      expect "$(code delegated /tmp/io)" 1
      grep 'the controller cpuset is not available in this cgroup' /tmp/out
    `,
  },
  {
    name: 'an ordinary user: runc and crun make the same of their systemd',
    args: tell,
    change: rootless,
    script: `${begin}
      try() { as $session $1 --root $XDG_RUNTIME_DIR/$1 --systemd-cgroup run -b "$BUNDLE" "$ID-$1" </dev/null; }
      for each in tsrunc runc crun; do expect "$(try $each)" "${limits}"; done
    `,
  },
];
