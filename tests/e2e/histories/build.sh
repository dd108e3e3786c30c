#!/usr/bin/env bash
# Makes build/e2e/histories/histories: stubs from proto/stele/v1 by Go's plugins, then the program. Prints its path.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=${STELE_ROOT:-$(cd "$here/../../.." && pwd)}
out=$root/build/e2e/histories
source "$root/tools/dev/house.sh"
source "$root/tools/dev/go.sh"
house_go
export GOFLAGS=-buildvcs=false GOTOOLCHAIN=local

mkdir -p "$out/bin" "$out/stelev1"
exec 9>"$out/lock"
flock 9  # scripts that run at a time share it
rm -f "$out"/*.go
cp "$here"/*.go "$here/go.mod" "$here/go.sum" "$out"
cd "$out"
go build -o bin/ google.golang.org/protobuf/cmd/protoc-gen-go google.golang.org/grpc/cmd/protoc-gen-go-grpc
mapped=()
for proto in events refusal event_store admin; do
  mapped+=("--go_opt=Mstele/v1/$proto.proto=histories/stelev1" "--go-grpc_opt=Mstele/v1/$proto.proto=histories/stelev1")
done
PATH=$out/bin:$PATH protoc "-I$root/proto" --go_out=. --go-grpc_out=. --go_opt=module=histories --go-grpc_opt=module=histories \
  "${mapped[@]}" stele/v1/{events,refusal,event_store,admin}.proto
go vet . >&2
go build -trimpath -o histories.new .
mv histories.new histories  # the old one may be running
echo "$out/histories"
