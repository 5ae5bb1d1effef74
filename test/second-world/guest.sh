#!/bin/sh
# Runs every check of /world/checks in the machine, one line each: "CHECK ok ..." or "CHECK FAIL ..." with what was said.
export PATH=/bin:/sbin:/usr/bin:/usr/sbin

ts() { tsrunc --root /run/world $TS_FLAGS "$@"; }
launch() {
  ts create -b "$BUNDLE" "$ID" </dev/null >/tmp/init.out 2>&1 || { cat /tmp/init.out; return 1; }
  ts start "$ID"
}
value() { cat "$CG/$1"; }
expect() { [ "$1" = "$2" ] || { echo "is: $1"; echo "wanted: $2"; return 1; }; }
within() { [ "$1" -ge "$2" ] && [ "$1" -le "$3" ] || { echo "is: $1, wanted: $2 to $3"; return 1; }; }
milliseconds() { awk '{ printf "%d\n", $1 * 1000 }' /proc/uptime; }
status() { ts state "$ID" | sed -n 's/.*"status": "\(.*\)".*/\1/p'; }
wait_for() { for each in $(seq 200); do "$@" && return 0; sleep 0.05; done; echo "not in time: $*"; return 1; }
is_status() { [ "$(status)" = "$1" ]; }

[ -e /world/setting.sh ] && . /world/setting.sh

for BUNDLE in /world/checks/*; do
  ID=$(basename "$BUNDLE")
  CG=$(cat "$BUNDLE/cgroup")
  began=$(milliseconds)
  (set -e; . "$BUNDLE/script") >/tmp/said 2>&1 &
  check=$!
  (sleep ${CHECK_SECONDS:-240}; kill -9 $check) >/dev/null 2>&1 &
  guard=$!
  wait $check && verdict=ok || verdict=FAIL
  kill $guard 2>/dev/null
  ts delete -f "$ID" >>/tmp/said 2>&1
  [ -d "$CG" ] && { verdict=FAIL; echo "left behind: $CG" >>/tmp/said; }
  [ -n "$(ls /run/world 2>/dev/null)" ] && { verdict=FAIL; echo "left in the state root: $(ls /run/world)" >>/tmp/said; }
  echo "CHECK $verdict $(cat "$BUNDLE/name") ($(($(milliseconds) - began)) ms)"
  [ $verdict = ok ] || sed 's/^/CHECK |  /' /tmp/said
done
echo "CHECK end"
