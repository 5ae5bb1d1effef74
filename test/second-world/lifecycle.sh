# Read by guest.sh in the machine of checkpoint-world.ts: a tscontainerd, Debian's containerd, and ctr at either's socket.
# A container counts in its shell's memory, on stdout and in /count, until /stop is there: then it exits with 7.
mkdir -p /opt /var/lib /dev/pts
mount -t ext4 -o ro /dev/vda /opt || { echo "CHECK FAIL mount the disk"; exit 1; }
mount -t devpts devpts /dev/pts
mount -t tmpfs tmpfs /var/lib
ip link set lo up
echo '127.0.0.1 localhost' >/etc/hosts
: >/etc/resolv.conf
# runtimes named io.containerd.runc.v2 are served by our shim under our daemon, by Debian's under Debian's
export PATH=/opt/bin:/opt/dist/bin:$PATH
CHECK_SECONDS=600
image=docker.io/library/busybox:latest
counter='i=0; while [ ! -e /stop ]; do i=$((i+1)); echo $i; echo $i >/count; sleep 0.1; done; exit 7'

# a Node process takes seconds to start here, and the machine that plays this one may be busy
wait_for() { for each in $(seq 900); do "$@" && return 0; sleep 0.1; done; echo "not in time: $*"; return 1; }

ours() { /opt/bin/ctr --address /run/ours.sock --namespace w "$@"; }
theirs() { /opt/bin/ctr --address /run/theirs.sock --namespace w "$@"; }
is_up() { /opt/bin/ctr --connect-timeout 2s --address /run/$1.sock version >/dev/null 2>&1; }
start_ours() {
  PATH=/opt/own-shim-as-runc:$PATH tscontainerd --root /var/lib/ours --state /run/ours --address /run/ours.sock \
    >>/tmp/ours.log 2>&1 &
  daemon=$!
  wait_for is_up ours
}
start_theirs() {
  cat >/etc/theirs.toml <<TOML
version = 2
disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.internal.v1.opt"]
TOML
  containerd --config /etc/theirs.toml --root /var/lib/theirs --state /run/theirs --address /run/theirs.sock \
    >>/tmp/theirs.log 2>&1 &
  wait_for is_up theirs
}

# WHOSE is ours or theirs; each ctr takes its time here, so what can be seen without it is
pid_of() { $1 tasks ls | awk -v id="$2" '$1 == id { print $2 }'; }
count() { cat /proc/$1/root/count; } # PID
counts_past() { [ "$(count "$1")" -gt "$2" ]; }
is_gone() { ! kill -0 "$1" 2>/dev/null; }
is_task() { $1 tasks ls | grep -q "^$2 .*$3"; }
end() { # WHOSE ID PID: by itself, with its code
  touch /proc/$3/root/stop
  wait_for is_gone $3
  wait_for is_task "$1" "$2" STOPPED
  $1 tasks rm "$2" 2>&1 | grep 'exit code 7'
  $1 containers rm "$2"
}
remove() { # WHOSE ID PID: killed
  $1 tasks kill -s 9 "$2"
  wait_for is_gone $3
  wait_for is_task "$1" "$2" STOPPED
  $1 tasks rm "$2" || true # its status is the killed container's
  $1 containers rm "$2"
}
# WHOSE REF: the blob of criu's image
criu_blob() {
  $1 content get "$($1 images ls | awk -v ref="$2" '$1 == ref { print $3 }')" | tr '{' '\n' |
    grep 'criu.checkpoint.criu.tar' | grep -o 'sha256:[0-9a-f]*' | cut -d: -f2
}
# FROM TO REF: an image between the daemons
move_image() {
  $1 images export --skip-manifest-json --all-platforms /tmp/moved.tar "$3"
  $2 images import --no-unpack --all-platforms /tmp/moved.tar
}
has_no_processes() { [ -z "$(ps -o args | grep -v grep | grep -E "monitor $1|criu")" ]; }
nothing_left() { # ID: of ours
  rm -rf /run/containerd/fifo/*
  for place in /run/ours/tsrunc/w /run/ours/io.containerd.runtime.v2.task/w /var/lib/ours/checkpoints/given/w; do
    [ -z "$(ls $place 2>/dev/null)" ] || { echo "left in $place: $(ls $place)"; return 1; }
  done
  # the group above them is runc's to leave, once it was there
  [ -z "$(ls -d /sys/fs/cgroup/w/*/ 2>/dev/null)" ] || { echo "left: $(ls -d /sys/fs/cgroup/w/*/)"; return 1; }
  ! grep -E ' /run/ours| /var/lib/ours' /proc/mounts || return 1
  wait_for has_no_processes "$1"
}

start_ours || cat /tmp/ours.log
ours images import /opt/busybox.tar >/dev/null || cat /tmp/ours.log
