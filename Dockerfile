# Two images of one build: `--target gateway` (the default) and `--target agent`.
# glibc: uWebSockets.js has no binary for musl.
FROM node:22-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
COPY shared/package.json shared/
COPY gateway/package.json gateway/
COPY gateway/bin gateway/bin
COPY agent/package.json agent/
COPY agent/bin agent/bin
# No scripts: what is native comes prebuilt, and `prepare` would build before the sources are here.
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY tsconfig.json ./
COPY shared shared
COPY gateway gateway
COPY agent agent
RUN npx tsc -p agent && npx tsc -p gateway && node agent/inspect/assemble.js \
 && npm prune --omit=dev --ignore-scripts --no-audit --no-fund
# Of the binaries of uWebSockets.js the one for this platform; it must load.
RUN cd node_modules/uWebSockets.js/dist/bin \
 && find . -type f ! -name "uws_linux_$(node -p 'process.arch')_$(node -p 'process.versions.modules').node" -delete \
 && cd /app/gateway && node -e "import('uWebSockets.js')"

FROM node:22-bookworm-slim AS base
ENV NODE_ENV=production
COPY --from=build /app /app
RUN ln -s /app/gateway/bin/gw-gateway.js /usr/local/bin/gw-gateway \
 && ln -s /app/agent/bin/gw-agent.js /usr/local/bin/gw-agent \
 && install -d -o node -g node -m 700 /data \
 && install -d -m 755 /etc/gw
# Config files found here are taken if they belong to root or to uid 1000 and nobody else may write to them.
WORKDIR /etc/gw
VOLUME /data
USER node
STOPSIGNAL SIGTERM

FROM base AS agent
# The tunnel id that it keeps.
ENV XDG_STATE_HOME=/data
ENTRYPOINT ["gw-agent"]

FROM base AS gateway
# On every address it starts only with credentials (GW_AUTH), or with GW_ALLOW_UNAUTHENTICATED=true said aloud.
ENV GW_HOST=0.0.0.0 GW_DATA_DIR=/data
EXPOSE 3000
# By the control socket: it works with every port, with TLS, and without a credential.
HEALTHCHECK --interval=15s --timeout=5s --start-period=20s --start-interval=1s CMD ["gw-gateway", "status"]
ENTRYPOINT ["gw-gateway"]
