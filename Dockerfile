# sluice on nothing: one static program, the roots of the certificate authorities, no shell.
#
#   docker build -t sluice .
#   docker build -t sluice:sidecar --build-arg FLAVOUR=sidecar .
#
# docs/deployment/image.md says how to run it.

# Debian 12 or later: a static program takes glibc's resolver with it, which needs no other file from 2.34 on.
ARG RUST=docker.io/library/rust:1-bookworm

FROM ${RUST} AS build
# `full` or `sidecar`: a set of features of the collector.
ARG FLAVOUR=full
ARG PROFILE=dist
WORKDIR /src
COPY . .
RUN --mount=type=cache,target=/src/target \
    cargo build-static --locked --profile "$PROFILE" -p sluice --no-default-features --features "$FLAVOUR,jemalloc" \
    && install -D -t /image/usr/bin "target/$(rustc --print host-tuple)/$PROFILE/sluice" \
    && install -D -m 644 -t /image/etc/ssl/certs /etc/ssl/certs/ca-certificates.crt

FROM scratch
COPY --from=build /image /
# The number that images without a user database take for `nonroot`; ports below 1024 are not for it.
USER 65532:65532
# Where the built-in configuration listens. In a container of its own, localhost is nobody but itself.
ENV SLUICE_HOST=0.0.0.0
# OTLP, Jaeger, Zipkin, health_check: whatever the configuration makes of them.
EXPOSE 4317 4318 6831/udp 6832/udp 14250 14268 9411 13133
HEALTHCHECK --interval=10s --timeout=6s --start-period=10s CMD ["/usr/bin/sluice", "healthcheck"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["/usr/bin/sluice"]
