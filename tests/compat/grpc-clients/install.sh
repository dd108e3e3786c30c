#!/usr/bin/env bash
# Puts the programs and the stubs that they use into build/compat/grpc-*. The stubs are made of proto/stele/v1 as it is now.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=${STELE_ROOT:-$(cd "$here/../../.." && pwd)}
python=${STELE_VENV:-$root/build/venv}/bin/python
out=$root/build/compat
source "$root/tools/dev/house.sh"
source "$here/../clients/toolchains.sh"

install_grpc_python() {
  packages_of grpc-python "$here/python/requirements.txt"
  rm -rf "$out/grpc-python-stubs"
  mkdir "$out/grpc-python-stubs"
  PYTHONPATH=$out/grpc-python "$python" -m grpc_tools.protoc -I "$root/proto" --python_out="$out/grpc-python-stubs" \
    --grpc_python_out="$out/grpc-python-stubs" "$root"/proto/stele/v1/*.proto
}

# Stubs and program are one module, so that the stubs' package is the one that the .proto files name.
install_grpc_go() {
  local work=$out/grpc-go
  house_go
  export GOTOOLCHAIN=local GOFLAGS=-buildvcs=false
  mkdir -p "$work"
  cp "$here"/go/* "$work/"
  cd "$work"
  GOBIN=$work/bin go install tool
  protoc -I "$root/proto" --plugin="$work/bin/protoc-gen-go" --plugin="$work/bin/protoc-gen-go-grpc" --go_out=. \
    --go_opt=module=stele --go-grpc_out=. --go-grpc_opt=module=stele "$root"/proto/stele/v1/*.proto
  go build -trimpath -ldflags=-w -o client .
}

install_grpc_node() {
  modules_of grpc-node "$here/node"
  cp "$here/node/client.js" "$out/grpc-node/"
}

mkdir -p "$out"
install_toolchains go node
in_parallel grpc_go grpc_python grpc_node
