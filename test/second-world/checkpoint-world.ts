// Checkpoint and restore through the lifecycle daemon and our shim, by Debian's ctr and criu, on Debian's kernel; and
// the images that they and Debian's containerd with runc make of the same container, in each other's hands.
import type { Check, World } from './check.ts';
import { fillLifecycleDisk } from './lifecycle-disk.ts';

/** The bundles that each check has are not used here. */
const args = ['true'];

/** What stands in the FIFO that the restored container writes to, after what its ctr has read: no number is missing. */
const outputIsWhole = (id: string, first: string) => `
  dd if=$(ls /run/containerd/fifo/*/${id}-stdout) bs=65536 count=1 2>/dev/null >>/tmp/out-${id}
  awk 'NR == 1 { if ($1 < ${first}) exit 1 } NR > 1 && $1 != last + 1 { exit 1 } { last = $1 }' /tmp/out-${id}
  [ "$(grep -c . /tmp/out-${id})" -gt 2 ]
`;

const checks: Check[] = [
  {
    name: 'a container goes on from its checkpoint: memory, output, files, network namespace; its exit code arrives',
    args,
    script: `
      ours run -d --runtime io.containerd.ts.v2 $image one sh -c "$counter" >/dev/null
      pid=$(pid_of ours one)
      wait_for counts_past $pid 3
      before=$(count $pid)
      ours containers checkpoint --rw --image --task one checkpoint/one:1
      wait_for counts_past $pid $((before + 2))  # left running
      remove ours one $pid
      nothing_left one
      ours containers restore --live --rw again checkpoint/one:1 >/tmp/out-again
      pid=$(pid_of ours again)
      wait_for counts_past $pid $((before + 5))
      expect "$(ours tasks exec --exec-id net again ip addr | grep -c '127.0.0.1/8')" 1
      ${outputIsWhole('again', '"$before"')}
      end ours again $pid
      nothing_left again
    `,
  },
  {
    name: 'kill -9 of the shim and of the daemon between restore and exit loses neither output nor exit code',
    args,
    script: `
      ours containers restore --live --rw kept checkpoint/one:1 >/tmp/out-kept
      pid=$(pid_of ours kept)
      for shim in $(pidof containerd-shim-ts-v2); do kill -9 $shim; done
      kill -9 $daemon
      before=$(count $pid)
      start_ours
      is_task ours kept "$pid *RUNNING"
      wait_for counts_past $pid "$before"
      ${outputIsWhole('kept', '1')}
      end ours kept $pid
      nothing_left kept
    `,
  },
  {
    name: 'kill -9 of the shim while criu restores: another one waits for it, and the start is answered',
    args,
    script: `
      touch /tmp/slow-criu
      ours containers restore --live --rw cut checkpoint/one:1 >/tmp/out-cut 2>&1 &
      restore=$!
      wait_for test -e /tmp/criu-waits
      for shim in $(pidof containerd-shim-ts-v2); do kill -9 $shim; done
      rm /tmp/slow-criu
      wait $restore || { cat /tmp/out-cut; false; }
      pid=$(pid_of ours cut)
      before=$(count $pid)
      wait_for counts_past $pid "$before"
      end ours cut $pid
      nothing_left cut
    `,
  },
  {
    name: 'a damaged image is an error that names the container, the cause and the log, and leaves nothing',
    args,
    script: `
      blob=/var/lib/ours/io.containerd.content.v1.content/blobs/sha256/$(criu_blob ours checkpoint/one:1)
      cp $blob /tmp/whole
      mkdir /tmp/damaged; tar xf $blob -C /tmp/damaged; rm /tmp/damaged/core-1.img
      tar cf $blob -C /tmp/damaged .
      ours containers restore --live --rw broken checkpoint/one:1 >/tmp/refused 2>&1 && exit 1
      cp /tmp/whole $blob
      cat /tmp/refused
      grep -q 'restore container broken: run criu: .*Error.*(more in .*/restore.log)' /tmp/refused
      test -s "$(sed -n 's/.*(more in \\(.*\\)).*/\\1/p' /tmp/refused)"
      is_task ours broken CREATED
      [ -z "$(ls /run/ours/tsrunc/w)" ]
      ours tasks rm broken
      ours containers rm broken
      nothing_left broken
    `,
  },
  {
    name: 'checkpoint --exit ends a container of io.containerd.runc.v2 that our shim serves',
    args,
    script: `
      ours run -d $image ends sh -c "$counter" >/dev/null
      pid=$(pid_of ours ends)
      wait_for counts_past $pid 3
      ours tasks checkpoint --exit --image-path /tmp/ends-image ends
      wait_for is_gone $pid
      wait_for is_task ours ends STOPPED
      ours tasks rm ends 2>&1 | grep 'exit code 137'
      ours containers rm ends
      test -s /tmp/ends-image/inventory.img
      expect "$(cat /tmp/ends-image/descriptors.json)" '["pipe:[1]","pipe:[2]","pipe:[3]"]'
      nothing_left ends
    `,
  },
  {
    name: 'containerd with runc goes on from an image of ours, and our shim from one of theirs',
    args,
    script: `
      start_theirs || { tail -5 /tmp/theirs.log; false; }
      theirs images import /opt/busybox.tar >/dev/null
      for each in 'ours theirs' 'theirs ours'; do
        set -- $each
        $1 run -d $image from-$1 sh -c "$counter" >/dev/null
        pid=$(pid_of $1 from-$1)
        wait_for counts_past $pid 3
        before=$(count $pid)
        $1 containers checkpoint --rw --image --task from-$1 checkpoint/$1:1
        remove $1 from-$1 $pid
        move_image $1 $2 checkpoint/$1:1
        $2 containers restore --live --rw to-$2 checkpoint/$1:1 >/tmp/out-to-$2
        pid=$(pid_of $2 to-$2)
        wait_for counts_past $pid "$before"
        end $2 to-$2 $pid
      done
      nothing_left to-ours
    `,
  },
];

export const checkpointWorld: World = {
  name: 'checkpoint through the daemons',
  kernelArguments: ['cgroup_no_v1=all'],
  init: 'busybox',
  memoryMiB: 1536,
  setting: 'lifecycle.sh',
  fillDisk: fillLifecycleDisk,
  checks,
};
