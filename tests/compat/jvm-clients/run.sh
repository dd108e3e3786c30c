#!/usr/bin/env bash
# Three of Kafka's Java clients against steled: jvm_clients.py beside this says what is asserted.
set -euo pipefail
root=${STELE_ROOT:-$(cd "$(dirname "$0")/../../.." && pwd)}
python=${STELE_VENV:-$root/build/venv}/bin/python
PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=$root/tests/e2e:$root/tests/compat/jvm-peers exec "$python" \
  "$root/tests/compat/jvm-clients/jvm_clients.py" "$@"
