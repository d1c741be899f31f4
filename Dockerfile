# One recipe for every binary, for amd64 and arm64; scripts/build-images calls it for all of them.
#   docker build --build-arg BIN=user-service -t harbor.example.com/theater-msa/user-service:v1 .
# The lab's binary is named unlike its package: --build-arg PACKAGE=lab --build-arg BIN=theater-lab

# rust:1.95-alpine makes the same image with musl in glibc's place.
ARG RUST_IMAGE=docker.io/library/rust:1.95-slim-bookworm

FROM ${RUST_IMAGE} AS build
WORKDIR /src
COPY . .
ARG BIN
ARG PACKAGE=$BIN
# Dependencies and objects stay in cache mounts from build to build; sharing=locked because builds of
# several binaries may run at once.
RUN --mount=type=cache,target=/usr/local/cargo/registry,sharing=locked \
    --mount=type=cache,target=/src/target,sharing=locked \
    CARGO_TARGET_DIR=target scripts/build-static "$PACKAGE" "$BIN" /image

# Nothing but the binary: no shell, no libraries, no package whose holes need patching.
FROM scratch
ARG BIN
ARG VERSION=dev
ARG REVISION=unknown
LABEL org.opencontainers.image.title="$BIN" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /image/ /
ENV PATH=/usr/local/bin
# By number, so that Kubernetes can check runAsNonRoot.
USER 65532:65532
ENTRYPOINT ["/app"]
