#!/bin/sh
# Installs what builds the chat page, and only that, into node_modules; in the versions of package.json.
set -eu
for name in vite preact @preact/signals dompurify highlight.js marked; do
  set -- "$@" "$name@$(node -p "require('./package.json').devDependencies['$name']")"
done
npm pkg delete dependencies devDependencies optionalDependencies
npm install --no-save --ignore-scripts --loglevel=error "$@"
