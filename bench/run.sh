#!/usr/bin/env bash
# run.sh [embedded] [large] [throughput] [latency] [recovery] [groups] [compaction]   Every figure of
# docs/performance.md, in about 40 minutes; without arguments all of them. Build first: cmake --preset release && cmake --build --preset release.
#   STELE_BENCH_DIR   where the data goes: its file system is what is measured (default /tmp/stele-bench; 25 GB free)
#   STELE_BUILD       the build folder (default build/release)
#   STELE_PEERS       where Kafka and rdkafka_performance are, or are put (default /tmp/stele-peers)
#   PRIORITY          a command in front of each bench, e.g. "chrt -f 1" on a machine with other work
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
export STELE_BUILD=${STELE_BUILD:-$here/../build/release}
export STELE_BENCH_DIR=${STELE_BENCH_DIR:-/tmp/stele-bench}
export STELE_PEERS=${STELE_PEERS:-/tmp/stele-peers}
priority=${PRIORITY:-}
mkdir -p "$STELE_BENCH_DIR"

embedded() {
  $priority "$STELE_BUILD/bin/stele_bench" --benchmark_counters_tabular=true --benchmark_color=false
}
large() {
  local store=$STELE_BENCH_DIR/large
  rm -rf "$store"
  # Dies by kill -9 at the end, as it should.
  $priority "$STELE_BUILD/bin/bench_open" fill "$store" 10 1000 || [ $? = 137 ]
  echo "after kill -9:"
  for _ in 1 2 3; do $priority "$STELE_BUILD/bin/bench_open" open "$store" || [ $? = 137 ]; done
  $priority "$STELE_BUILD/bin/bench_open" open "$store" close >/dev/null
  echo "after a clean stop:"
  for _ in 1 2 3; do $priority "$STELE_BUILD/bin/bench_open" open "$store" close; done
  rm -rf "$store"
}
throughput() { $priority python3 "$here/service/throughput.py" 2; }
latency() { $priority python3 "$here/service/latency.py" 2; }
recovery() { $priority python3 "$here/service/recovery.py" 2; }
groups() { $priority python3 "$here/service/groups.py" 3; }
compaction() { $priority python3 "$here/service/compaction.py" 10 10; }

[ $# -gt 0 ] || set -- embedded large throughput latency recovery groups compaction
case " $* " in *" throughput "* | *" latency "* | *" recovery "* | *" groups "* | *" compaction "*) "$here/peers/install.sh" ;; esac
echo "machine: $(nproc) cores, $(uname -sr), $(stat -f -c %T "$STELE_BENCH_DIR"), load $(cut -d' ' -f1 /proc/loadavg), $(date -u +%F)"
for part in "$@"; do
  echo "== $part"
  "$part"
done
