#!/bin/sh
# Installs what builds the chat page into node_modules: exactly what the lock file names, with its
# checksums. All of it, because the bundler's own binaries are optional packages like the engine's,
# and npm takes optional packages all or not at all; the image keeps only the built page.
set -eu
npm ci --ignore-scripts --loglevel=error
