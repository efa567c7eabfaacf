#!/bin/sh
# Installs what drives a GPU from user space. $1: cpu, cuda or vulkan. For NVIDIA nothing: the
# container toolkit brings the driver of the machine.
set -eu
[ "$1" = vulkan ] || exit 0
apt-get update
apt-get install -y --no-install-recommends libvulkan1 mesa-vulkan-drivers
rm -rf /var/lib/apt/lists/*
