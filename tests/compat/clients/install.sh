#!/usr/bin/env bash
# Puts the client programs into build/compat: what PATH has of Go, Node and Rust is taken if it is new enough, else Debian's
# packages are (and a newer Go than Debian's from the Go module proxy). What is there already is left alone.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=${STELE_ROOT:-$(cd "$here/../../.." && pwd)}
python=${STELE_VENV:-$root/build/venv}/bin/python
out=$root/build/compat
go_wanted=1.26 go_fetched=go1.26.8 node_wanted=18 rust_wanted=1.95
source "$root/tools/dev/house.sh"

# as_new WANTED FOUND: is the version at least the other?
as_new() { [ "$(printf '%s\n' "$1" "$2" | sort -V | head -n 1)" = "$1" ]; }

# packages_of FOLDER REQUIREMENTS: made again when the requirements change.
packages_of() {
  local folder=$out/$1 wanted=$here/python/$2
  cmp -s "$wanted" "$folder/requirements.txt" && return 0
  rm -rf "$folder"
  CC=${CC:-clang-19} "$python" -m pip install --quiet --disable-pip-version-check --target "$folder" -r "$wanted"
  cp "$wanted" "$folder/requirements.txt"
}

install_python() {
  packages_of python requirements.txt
  packages_of python-old requirements-kafka-python-2.0.txt
  packages_of librdkafka-old requirements-librdkafka-2.0.txt
}

# A toolchain is a Go module: an older Go can fetch it, but does not make its programs executable.
fetch_go() {
  local fetched
  fetched=$(cd / && GOFLAGS=-mod=mod go mod download -json "golang.org/toolchain@v0.0.1-$go_fetched.linux-$(go env GOARCH)" \
    | sed -n 's/^\t"Dir": "\(.*\)",$/\1/p')
  chmod -R u+w "$fetched"
  chmod +x "$fetched"/bin/* "$fetched"/pkg/tool/*/*
  PATH=$fetched/bin:$PATH
  unset GOROOT
}

go_version() { go env GOVERSION 2>/dev/null | sed 's/^go//'; }

install_go() {
  as_new $go_wanted "$(go_version)" || fetch_go
  mkdir -p "$out/go"
  (cd "$here/go" && GOFLAGS=-buildvcs=false GOTOOLCHAIN=local go build -trimpath -ldflags=-w -o "$out/go/" ./franz-go ./kafka-go ./sarama)
}

install_node() {
  mkdir -p "$out/node"
  cp "$here/node/kafkajs.js" "$out/node/"
  cmp -s "$here/node/package-lock.json" "$out/node/installed-lock.json" && return 0
  cp "$here/node/package.json" "$here/node/package-lock.json" "$out/node/"
  (cd "$out/node" && npm ci --omit=dev --ignore-scripts --no-audit --no-fund --loglevel=error)
  cp "$here/node/package-lock.json" "$out/node/installed-lock.json"
}

install_rust() {
  export CC=${CC:-clang-19} CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_LINKER=${CC:-clang-19}
  (cd "$here/rust" && cargo build --quiet --locked --target-dir "$out/rust")
}

# in_parallel NAME…: install_NAME of each, what they say in logs that are shown where one fails.
in_parallel() {
  local name failed=0
  declare -A running
  for name in "$@"; do
    (set -e; "install_$name") >"$out/install-$name.log" 2>&1 &
    running[$name]=$!
  done
  for name in "$@"; do
    wait "${running[$name]}" && continue
    say "--- install $name"
    tail -n 40 "$out/install-$name.log" >&2
    failed=1
  done
  return $failed
}

mkdir -p "$out"
missing=""
as_new $go_wanted "$(go_version)" || missing+=" go"
{ as_new $node_wanted "$(node --version 2>/dev/null | tr -d v)" && command -v npm >/dev/null; } || missing+=" node"
as_new $rust_wanted "$(cargo --version 2>/dev/null | cut -d' ' -f2)" || missing+=" rust"
[ -z "$missing" ] || house_install $missing
in_parallel rust go python node
