#!/usr/bin/env bash
# install.sh   What the service benches compare with and load with, into $STELE_PEERS (default /tmp/stele-peers):
#   kafka/           Apache Kafka's jars, Kafka Streams' with them, from Maven
#   rdkafka_performance   librdkafka's own load client, from the distribution's source package
# Needs: mvn, java >= 17, gcc, make, dpkg-dev, librdkafka's build dependencies (zlib1g-dev liblz4-dev libzstd-dev).
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
to=${STELE_PEERS:-/tmp/stele-peers}
mkdir -p "$to/kafka"
if ! ls "$to"/kafka/kafka-streams-*.jar >/dev/null 2>&1; then
  mvn -q -B -f "$here/kafka/pom.xml" dependency:copy-dependencies -DoutputDirectory="$to/kafka"
fi
[ ! -x "$to/rdkafka_performance" ] || exit 0
# The machine's own package sources, with deb turned into deb-src, in a list of their own.
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/lists/partial" "$work/parts"
: > "$work/sources.list"
if [ -f /etc/apt/sources.list.d/debian.sources ]; then
  sed 's/^Types:.*/Types: deb-src/' /etc/apt/sources.list.d/debian.sources > "$work/parts/source.sources"
fi
[ ! -f /etc/apt/sources.list ] || sed -n 's/^deb /deb-src /p' /etc/apt/sources.list > "$work/sources.list"
apt=(apt-get -qq -o "Dir::Etc::sourcelist=$work/sources.list" -o "Dir::Etc::sourceparts=$work/parts"
     -o "Dir::State::lists=$work/lists" -o APT::Sandbox::User=root)
"${apt[@]}" update
(cd "$work" && "${apt[@]}" source librdkafka && cd librdkafka-*/ &&
  ./configure --disable-ssl --disable-gssapi --disable-curl && make -j2 -C src librdkafka.a &&
  make -C examples rdkafka_performance && cp examples/rdkafka_performance "$to/") > "$to/librdkafka.log" 2>&1 ||
  { tail -5 "$to/librdkafka.log"; exit 1; }
