#!/bin/bash
# Asks the service in this container whether it can do its work, and prints what it says. In bash alone:
# each container is checked every few seconds, and starting Node for that would cost a fifth of a core.
#
#   health-check.sh [port] [path]
set -u
port=${1:-${METRICS_PORT:-9464}}
path=${2:-/readyz}
exec 3<>"/dev/tcp/127.0.0.1/$port" || exit 1
printf 'GET %s HTTP/1.0\r\nHost: localhost\r\nConnection: close\r\n\r\n' "$path" >&3
read -r -t 5 _ status _ <&3 || { echo "port $port is silent"; exit 1; }
while read -r -t 1 line <&3 && [ -n "${line%$'\r'}" ]; do :; done
read -r -t 1 line <&3
echo "${line:-$status}"
[ "$status" = 200 ]
