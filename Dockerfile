# Builds the Debian package and installs it into a small image:
#
#   docker build -t stele .
#   docker run -p 9092:9092 -p 8092:8092 -p 8093:8093 -v stele-data:/var/lib/stele --stop-timeout 60 stele
#
# Settings are variables (-e STELE_NODE_ID=3). There is no authentication: whoever reaches the ports may do everything.

FROM debian:12-slim AS build
WORKDIR /src
COPY tools/dev/packages.txt tools/dev/packages.txt
RUN apt-get update \
 && apt-get install -y --no-install-recommends dpkg-dev $(awk '$1 == "build" {print $2}' tools/dev/packages.txt) \
 && rm -rf /var/lib/apt/lists/*
COPY . .
RUN cmake --preset release -DSTELE_TESTS=OFF -DSTELE_BENCH=OFF \
 && ninja -C build/release steled stele \
 && cd build/release && cpack -G DEB -B /packages -D CPACK_COMPONENTS_ALL=service

FROM debian:12-slim
COPY --from=build /packages/stele_*.deb /tmp/
COPY packaging/docker/healthy /usr/bin/stele-healthy
RUN apt-get update \
 && apt-get install -y --no-install-recommends /tmp/stele_*.deb \
 && rm -rf /tmp/stele_*.deb /var/lib/apt/lists/*
USER stele
WORKDIR /var/lib/stele
VOLUME /var/lib/stele
# The ports of a container are reached from outside it: published is meant.
ENV STELE_KAFKA_LISTEN=0.0.0.0:9092 \
    STELE_HTTP_LISTEN=0.0.0.0:8092 \
    STELE_GRPC_LISTEN=0.0.0.0:8093 \
    STELE_INSECURE=true
EXPOSE 9092 8092 8093
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=90s CMD ["/usr/bin/stele-healthy"]
ENTRYPOINT ["/usr/bin/steled", "--config", "/etc/stele/steled.conf"]
