#!/bin/sh
# Installs what HAIF needs to run, and only that, into node_modules. $1: cpu, cuda or vulkan.
set -eu
gpu=$1
case $gpu in cpu | cuda | vulkan) ;; *) echo "GPU=$gpu cannot be used: cpu, cuda or vulkan" >&2; exit 1 ;; esac

npm ci --omit=dev --omit=optional --ignore-scripts --loglevel=error

# The engine's own binaries, in the engine's own version.
version=$(node -p "require('./node_modules/node-llama-cpp/package.json').version")
case $(uname -m) in x86_64) arch=x64 ;; aarch64 | arm64) arch=arm64 ;; *) echo "no engine for $(uname -m)" >&2; exit 1 ;; esac
engine=@node-llama-cpp/linux-$arch
# The binary through which llama.cpp's own libraries are called.
koffi=$(node -p "require('./node_modules/koffi/package.json').version")
set -- "$engine@$version" "@koromix/koffi-linux-$arch@$koffi"
[ "$gpu" = cpu ] || set -- "$@" "$engine-$gpu@$version"
npm install --no-save --omit=dev --omit=optional --ignore-scripts --loglevel=error "$@"
# They were asked for by name: what came has to be what the lock file names, with its checksums.
node -e "
  const { packages: locked } = require('./package-lock.json')
  const { packages: installed } = require('./node_modules/.package-lock.json')
  const wrong = Object.entries(installed).filter(([path, { integrity }]) => integrity !== locked[path]?.integrity)
  if (wrong.length > 0) throw new Error('not as in package-lock.json: ' + wrong.map(([path]) => path).join(', '))"

# What only other platforms, a compiler or a reader of the sources would need.
cd node_modules
rm -f node-llama-cpp/llama/gitRelease.bundle
for prebuilds in */prebuilds @*/*/prebuilds; do
  [ -d "$prebuilds" ] || continue
  for platform in "$prebuilds"/*; do
    case $platform in */linux-$arch) ;; *) rm -rf "$platform" ;; esac
  done
done
find . -type f \( -name '*.map' -o -name '*.d.ts' -o -name '*.d.mts' -o -name '*.d.cts' -o -name '*.md' \) -delete
rm -rf .cache
