#!/usr/bin/env bash
# Kafka's own DumpLogSegments reads our segments: dump_log_segments.py beside this says what is asserted.
set -euo pipefail
root=${STELE_ROOT:-$(cd "$(dirname "$0")/../../.." && pwd)}
python=${STELE_VENV:-$root/build/venv}/bin/python
PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=$root/tests/e2e exec "$python" "$root/tests/compat/dump-log-segments/dump_log_segments.py" "$@"
