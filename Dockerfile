# One recipe for every binary, for amd64 and arm64:
#   docker build --build-arg BIN=user-service -t harbor.example.com/theater-msa/user-service:v1 .
# The lab's binary is named unlike its package: --build-arg PACKAGE=lab --build-arg BIN=theater-lab

FROM rust:1.95-slim-bookworm AS build
WORKDIR /src
COPY . .
ARG BIN
ARG PACKAGE=$BIN
# Dependencies and objects stay in cache mounts from build to build; sharing=locked because builds of
# several binaries may run at once. /app is the fixed name that the entrypoint needs.
RUN --mount=type=cache,target=/usr/local/cargo/registry,sharing=locked \
    --mount=type=cache,target=/src/target,sharing=locked \
    cargo build --release --locked --package "$PACKAGE" --bin "$BIN" \
    && install -D "target/release/$BIN" "/image/usr/local/bin/$BIN" \
    && ln -s "/usr/local/bin/$BIN" /image/app

FROM gcr.io/distroless/cc-debian12:nonroot
COPY --from=build /image/ /
# By number, so that Kubernetes can check runAsNonRoot.
USER 65532:65532
ENTRYPOINT ["/app"]
