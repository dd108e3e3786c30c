#!/usr/bin/env bash
# Kafka's newest Java client against steled: java_client.py beside this says what is asserted.
set -euo pipefail
root=${STELE_ROOT:-$(cd "$(dirname "$0")/../../.." && pwd)}
python=${STELE_VENV:-$root/build/venv}/bin/python
PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=$root/tests/e2e exec "$python" "$root/tests/compat/java-client/java_client.py" "$@"
