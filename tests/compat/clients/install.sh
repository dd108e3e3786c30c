#!/usr/bin/env bash
# Puts the client programs into build/compat: what PATH has of Go, Node and Rust is taken if it is new enough, else Debian's
# packages are (and a newer Go than Debian's from the Go module proxy). What is there already is left alone.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=${STELE_ROOT:-$(cd "$here/../../.." && pwd)}
python=${STELE_VENV:-$root/build/venv}/bin/python
out=$root/build/compat
source "$root/tools/dev/house.sh"
source "$here/toolchains.sh"

install_python() {
  packages_of python "$here/python/requirements.txt"
  packages_of python-old "$here/python/requirements-kafka-python-2.0.txt"
  packages_of librdkafka-old "$here/python/requirements-librdkafka-2.0.txt"
}

install_go() {
  house_go
  mkdir -p "$out/go"
  (cd "$here/go" && GOFLAGS=-buildvcs=false GOTOOLCHAIN=local go build -trimpath -ldflags=-w -o "$out/go/" ./franz-go ./kafka-go ./sarama)
}

install_node() {
  modules_of node "$here/node"
  cp "$here/node/kafkajs.js" "$out/node/"
}

install_rust() {
  export CC=${CC:-clang-19} CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_LINKER=${CC:-clang-19}
  (cd "$here/rust" && cargo build --quiet --locked --target-dir "$out/rust")
}

mkdir -p "$out"
install_toolchains go node rust
in_parallel rust go python node
