# One image for all roles: `docker build -t caudal .`, then `caudal serve`, `web`, `worker` or `notifications`. By itself it
# serves the container's loopback, which no published port reaches: with a key it may listen beyond that.
#   docker run -p 127.0.0.1:8000:8000 -v caudal:/data -e CAUDAL_LISTEN=0.0.0.0:8000 -e CAUDAL_MAKE_ADMIN_KEY=true caudal

FROM rust:1.95-slim-bookworm AS build
RUN apt-get update && apt-get install -y --no-install-recommends build-essential cmake && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
# The caches stay on the builder; what is copied out of them is the image's.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    cargo build --locked --release -p caudal \
 && strip --strip-debug -o /caudal target/release/caudal \
 && mkdir -p /data

# No shell, no package manager; certificate authorities and a user without rights are there.
FROM gcr.io/distroless/cc-debian12:nonroot
COPY --from=build /caudal /usr/local/bin/caudal
COPY --from=build --chown=nonroot:nonroot /data /data
USER nonroot
WORKDIR /data
ENV CAUDAL_DATA_FOLDER=/data \
    CAUDAL_HEALTH_LISTEN=127.0.0.1:9100
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=5s --timeout=4s --start-period=20s --retries=3 \
    CMD ["caudal", "ready", "--url", "http://127.0.0.1:9100"]
ENTRYPOINT ["caudal"]
CMD ["serve"]
