#!/usr/bin/env bash
# install_event_stores.sh   The event stores that the event sourcing benches compare with, into $STELE_PEERS
# (default /tmp/stele-peers), with the load clients that stand beside this file:
#   umadb/bin/{umadb,umadb-load}     from crates.io (cargo, protoc; minutes of compiling the first time)
#   nats/{nats-server,nats-load}     Go modules (go >= 1.26)
# PostgreSQL is the distribution's package (postgresql >= 15), pgbench comes with it.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
to=${STELE_PEERS:-/tmp/stele-peers}
mkdir -p "$to/umadb/load" "$to/nats/load"
ls /usr/lib/postgresql/*/bin/pgbench >/dev/null || { echo "needs: apt-get install postgresql" >&2; exit 1; }

export CARGO_TARGET_DIR=$to/umadb/target
if [ ! -x "$to/umadb/bin/umadb" ]; then
  cargo install --quiet --locked umadb --version 0.7.8 --root "$to/umadb"
fi
cp -ru "$here/umadb/." "$to/umadb/load/"
cargo build --quiet --release --manifest-path "$to/umadb/load/Cargo.toml"
cp "$CARGO_TARGET_DIR/release/umadb-load" "$to/umadb/bin/"

if [ ! -x "$to/nats/nats-server" ]; then
  GOBIN=$to/nats go install github.com/nats-io/nats-server/v2@v2.15.2
fi
cp -u "$here/nats/"* "$to/nats/load/"
(cd "$to/nats/load" && go mod tidy >/dev/null 2>&1 && go build -o "$to/nats/nats-load" .)
