#!/usr/bin/env bash
# gRPC from Python, Go and Node against steled, with stubs made of proto/stele/v1: run.py beside this says what is asserted.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
export STELE_ROOT=${STELE_ROOT:-$(cd "$here/../../.." && pwd)}
export STELE_VENV=${STELE_VENV:-$STELE_ROOT/build/venv}
"$here/install.sh"
PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=$STELE_ROOT/tests/e2e exec "$STELE_VENV/bin/python" "$here/run.py" "$@"
