#!/bin/sh
# Writes docker-compose.digests.yml, which names every foreign image by its digest as it is today: a
# tag may be moved, a digest may not. Look at what it writes, keep it, and start with both files:
#
#   sh docker/pin-images.sh
#   docker compose -f docker-compose.yml -f docker-compose.digests.yml up -d --build
set -eu
cd "$(dirname "$0")/.."
digest() { docker buildx imagetools inspect "$1" --format '{{.Manifest.Digest}}'; }
{
  echo '# Written by docker/pin-images.sh.'
  echo 'services:'
  docker compose config --format json |
    node -e "
      const { services } = JSON.parse(require('node:fs').readFileSync(0, 'utf8'))
      for (const [name, { image, build }] of Object.entries(services))
        if (build === undefined) console.log(name, image)" |
    while read -r name image; do
      printf '  %s: { image: %s@%s }\n' "$name" "$image" "$(digest "$image")"
    done
} > docker-compose.digests.yml
node=$(sed -n 's/^ARG NODE_IMAGE=//p' Dockerfile)
echo "for .env: NODE_IMAGE=$node@$(digest "$node")"
