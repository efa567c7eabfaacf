# One image for every service of HAIF: `haif service <name>`.
#
#   docker build -t haif .                          for CPUs
#   docker build -t haif:cuda   --build-arg GPU=cuda .
#   docker build -t haif:vulkan --build-arg GPU=vulkan .
#
# No package runs an install script, so the build needs no compiler, and neither does the result.

ARG NODE_IMAGE=node:24-bookworm-slim

FROM ${NODE_IMAGE} AS packages
ARG GPU=cpu
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
COPY docker/install-packages.sh docker/
# The optional packages are left out: a Node of its own, and the engine's binaries for every GPU. The
# script adds those of this machine's kind and drops what only other platforms or developers need.
RUN sh docker/install-packages.sh "${GPU}"

# The chat page, built here with tools that the image does not need.
FROM ${NODE_IMAGE} AS page
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
COPY docker/install-page-tools.sh docker/
RUN sh docker/install-page-tools.sh
COPY tsconfig.json ./
COPY shared shared
COPY cli/setup/build-page.mjs cli/setup/
COPY web web
RUN node cli/setup/build-page.mjs

FROM ${NODE_IMAGE}
ENV NODE_ENV=production \
    HAIF_HOME=/data \
    METRICS_HOST=0.0.0.0
WORKDIR /app
RUN ln -s /app/cli/haif.mjs /usr/local/bin/haif \
 && mkdir -p /data /mesh && chown node:node /data /mesh
COPY --from=packages /app/node_modules node_modules
COPY package.json ./
COPY docker/health-check.sh docker/
COPY shared shared
COPY services services
COPY cli cli
COPY examples examples
COPY observability/alertmanager/alert-log.ts observability/alertmanager/
COPY --from=page /app/web/chat/dist web/chat/dist
USER node
VOLUME ["/data"]
# Every service drains on it: it takes nothing new, finishes what runs, and leaves the mesh.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=5s --timeout=5s --start-period=60s --retries=3 \
  CMD ["docker/health-check.sh"]
ENTRYPOINT ["haif"]
CMD ["--help"]
