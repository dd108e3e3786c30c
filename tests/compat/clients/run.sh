#!/usr/bin/env bash
# The clients outside the JVM against steled: run.py beside this says what is done, README.md one folder up what is asked.
# Runs long.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
export STELE_ROOT=${STELE_ROOT:-$(cd "$here/../../.." && pwd)}
export STELE_VENV=${STELE_VENV:-$STELE_ROOT/build/venv}
"$here/install.sh"
PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=$STELE_ROOT/tests/e2e exec "$STELE_VENV/bin/python" "$here/run.py" "$@"
