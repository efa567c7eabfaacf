# One image for every service of HAIF: `haif service <name>`.
#
#   docker build -t haif .                          for CPUs
#   docker build -t haif:cuda   --build-arg GPU=cuda .
#   docker build -t haif:vulkan --build-arg GPU=vulkan .
#
# No package runs an install script, so the build needs no compiler, and neither does the result.

ARG NODE_IMAGE=node:24-bookworm-slim
# Its driver must be 580 or newer; see docs/deployment.md.
ARG CUDA_IMAGE=nvidia/cuda:13.0.2-runtime-ubuntu24.04
ARG GPU=cpu

FROM ${NODE_IMAGE} AS packages
ARG GPU=cpu
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
COPY docker/install-packages.sh docker/
# The optional packages are left out: a Node of its own, and the engine's binaries for every GPU. The
# script adds those of this machine's kind and drops what only other platforms or developers need.
RUN sh docker/install-packages.sh "${GPU}"

# Chat page and console, built here with tools that the image does not need.
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

# What the engine's code for a GPU links to, and no container toolkit brings. For NVIDIA the toolkit
# brings the driver (libcuda.so.1) and nothing else; test/compose/cuda-image.ts holds this to it.
FROM ${NODE_IMAGE} AS libraries-cpu
RUN mkdir /gpu-libraries

FROM ${CUDA_IMAGE} AS libraries-cuda
RUN mkdir /gpu-libraries \
 && cp -L $(find -L /usr/local/cuda/ -name 'libcudart.so.13' -o -name 'libcublas.so.13' -o -name 'libcublasLt.so.13') /gpu-libraries/ \
 && test "$(ls /gpu-libraries | wc -l)" -eq 3

FROM ${NODE_IMAGE} AS libraries-vulkan
RUN mkdir /gpu-libraries

FROM libraries-${GPU} AS gpu-libraries

FROM ${NODE_IMAGE}
ARG GPU
COPY docker/install-gpu-drivers.sh docker/
RUN sh docker/install-gpu-drivers.sh "${GPU}"
# Where the engine looks for them.
COPY --from=gpu-libraries /gpu-libraries /opt/gpu-libraries
ENV LD_LIBRARY_PATH=/opt/gpu-libraries
ENV NODE_ENV=production \
    HAIF_HOME=/data \
    METRICS_HOST=0.0.0.0
WORKDIR /app
RUN ln -s /app/cli/haif.mjs /usr/local/bin/haif \
 && mkdir -p /data /mesh /join && chown node:node /data /mesh /join
COPY --from=packages /app/node_modules node_modules
COPY package.json ./
COPY docker/health-check.sh docker/
COPY shared shared
COPY services services
COPY cli cli
COPY examples examples
COPY observability/alertmanager/alert-log.ts observability/alertmanager/
COPY --from=page /app/web/chat/dist web/chat/dist
COPY --from=page /app/web/console/dist web/console/dist
COPY --from=page /app/web/docs/dist web/docs/dist
USER node
VOLUME ["/data"]
# Every service drains on it: it takes nothing new, finishes what runs, and leaves the mesh.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=5s --timeout=5s --start-period=60s --retries=3 \
  CMD ["docker/health-check.sh"]
ENTRYPOINT ["haif"]
CMD ["--help"]
