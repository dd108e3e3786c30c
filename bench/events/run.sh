#!/usr/bin/env bash
# run.sh [service] [streams] [kafka] [large]   The figures of "Event sourcing" in docs/performance.md; without arguments
# the first three, in about 12 minutes, into $STELE_BENCH_DIR/events/results.md as well.
#   service    HTTP, gRPC and C++ beside PostgreSQL, NATS JetStream and UmaDB       service.py (QUICK=1: a second a row)
#   streams    1 and 5 million streams in the index, conditions in 10 million events   streams.py
#   kafka      what the index costs a Kafka producer                                index_cost.py
#   large      20 million streams; 5 GB of batches of 16 KiB, and of large lz4 ones  streams.py --large (40 GB free)
# Build first: cmake --preset release && cmake --build --preset release. STELE_BUILD, STELE_BENCH_DIR, STELE_PEERS and
# PRIORITY are those of bench/run.sh; STELE_BENCH_PORTS is the first of 40 ports (default 23000).
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
export STELE_BUILD=${STELE_BUILD:-$here/../../build/release}
export STELE_BENCH_DIR=${STELE_BENCH_DIR:-/tmp/stele-bench}
export STELE_PEERS=${STELE_PEERS:-/tmp/stele-peers}
priority=${PRIORITY:-}
quick=${QUICK:+--quick}
mkdir -p "$STELE_BENCH_DIR/events"

service() { "$here/../peers/install_event_stores.sh" && $priority python3 "$here/service.py" $quick; }
streams() { $priority python3 "$here/streams.py" $quick; }
kafka() { $priority python3 "$here/index_cost.py" $quick; }
large() { $priority python3 "$here/streams.py" --large; }

[ $# -gt 0 ] || set -- service streams kafka
{
  echo "machine: $(nproc) cores, $(uname -sr), $(stat -f -c %T "$STELE_BENCH_DIR"), load $(cut -d' ' -f1 /proc/loadavg), $(date -u +%F)"
  for part in "$@"; do
    echo "== $part"
    "$part"
  done
} | tee "$STELE_BENCH_DIR/events/results.md"
