#!/usr/bin/env bash
# Compares our Kafka codec with Kafka's own message classes (kafka-clients from Maven), for every message in every
# version that we serve, both ways, and our tables with the jar's. Prints counts; fails at the first difference.
#   run.sh WIRE_PEER [COUNT [SEED]]     COUNT messages per message and version; 200 by default
# Needs java 17 and mvn. Builds into $STELE_COMPAT_DIR, or a folder beside WIRE_PEER.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
peer=$(realpath "${1:-${STELE_BUILD:?usage: run.sh WIRE_PEER [COUNT [SEED]]}/bin/wire_peer}")
count=${2:-200}
seed=${3:-$(date +%s)}
work=${STELE_COMPAT_DIR:-$(dirname "$peer")/kafka-wire-java}

mkdir -p "$work"
cp -r "$here/pom.xml" "$here/src" "$work/"
maven_lock=$here/../../../build/java/lock  # of tests/e2e/java.py: one Maven at a time, they share ~/.m2
mkdir -p "$(dirname "$maven_lock")"
(cd "$work" && flock "$maven_lock" mvn -q -B compile dependency:build-classpath -Dmdep.outputFile=classpath.txt)
kafka=(java -Xmx512m -XX:+UseSerialGC -cp "$work/target/classes:$(cat "$work/classpath.txt")" stele.Main)

echo "seed $seed, $count messages per message and version"
"$peer" table | "${kafka[@]}" table
"$peer" schema | "${kafka[@]}" schema
"${kafka[@]}" emit "$seed" "$count" | "$peer" check
"$peer" emit "$seed" "$count" | "${kafka[@]}" check
