// Checks of checkpoint and restore: the criu of Debian works on the kernel of Debian, wherever the tests themselves run.
import type { Check } from './check.ts';

const counter = [
  'sh',
  '-c',
  'i=0; while read -t 0.1 line || true; do i=$((i+1)); echo $i >/tmp/count; sleep 0.05; done',
];
/** Its output to a pipe, as a shim has it: criu cannot take a file of the outside. */
const begin = `
  # criu tries a connection to itself, and looks at the host's ptys
  ip link set lo up
  mkdir -p /dev/pts; grep -q ' /dev/pts ' /proc/mounts || mount -t devpts devpts /dev/pts
  images=/tmp/images-$ID
  mkdir $images
  (sleep 900 | ts run -d -b "$BUNDLE" "$ID" 2>&1 | cat >/tmp/run.out) &
  wait_for is_status running || { cat /tmp/run.out; false; }
  count() { ts exec "$ID" cat /tmp/count; }
  more() { [ "$(count)" -gt "$1" ]; }
  wait_for more 3
  dump() { ts checkpoint --image-path $images "$@" "$ID" || { grep -n Error $images/*.log; false; }; }
  restore() {
    (sleep 900 | ts restore -d -b "$BUNDLE" --image-path $images "$@" "$ID" 2>&1 | cat >/tmp/restore.out) &
    wait_for is_status running || { cat /tmp/restore.out; grep -n Error $images/*.log; false; }
  }
`;

export const checkpointChecks: Check[] = [
  {
    name: 'checkpoint ends the container, restore lets it go on where it was',
    args: counter,
    change: (config) => {
      // criu would want ip and iptables for a network namespace
      config.linux.namespaces = config.linux.namespaces.filter(({ type }) => type !== 'network');
      config.mounts.push({ destination: '/outside', type: 'bind', source: '/world', options: ['bind', 'ro'] });
      config.linux.resources.pids = { limit: 50 };
    },
    script: `${begin}
      before=$(count)
      dump
      ts state "$ID" 2>/dev/null && exit 1
      [ ! -d "$CG" ]
      restore
      [ "$(count)" -ge "$before" ]
      wait_for more $((before + 3))
      expect "$(value pids.max)" 50
      ts exec "$ID" test -e /outside/guest.sh
      expect "$(grep -c . "$CG/cgroup.procs" | sed 's/[1-9].*/some/')" some
      ts pause "$ID"; expect "$(status)" paused; ts resume "$ID"
      ts kill "$ID" KILL
      wait_for is_status stopped
    `,
  },
  {
    name: 'checkpoint --leave-running and --pre-dump leave the container running',
    args: counter,
    change: (config) => {
      config.linux.namespaces = config.linux.namespaces.filter(({ type }) => type !== 'network');
    },
    script: `${begin}
      ts checkpoint --pre-dump --image-path $images/first "$ID" || { grep Error $images/first/*.log; false; }
      expect "$(status)" running
      mkdir $images/second
      ts checkpoint --parent-path ../first --image-path $images/second --leave-running "$ID"
      [ -e $images/second/parent ]
      expect "$(status)" running
      before=$(count)
      wait_for more $((before + 3))
    `,
  },
];
