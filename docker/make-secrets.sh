#!/bin/sh
# Makes the passwords of a deployment at its first start, and the files in which each service finds
# its own; later starts find them made. One that is given in .env counts, and is not made.
set -eu
umask 077

# $1: file, $2: owner, $3: what was given
password() {
  if [ -n "$3" ]; then printf %s "$3" > "$1"
  elif [ ! -s "$1" ]; then head -c 24 /dev/urandom | od -An -tx1 | tr -d ' \n' > "$1"
  fi
  chown "$2" "$1"
}

password /secrets/postgres/password root "${POSTGRES_PASSWORD:-}"
password /secrets/redis/password root "${REDIS_PASSWORD:-}"
password /secrets/grafana/password 472 "${GRAFANA_PASSWORD:-}"

# For the services of HAIF, which run as user 1000.
printf 'postgres://%s:%s@postgres:5432/%s' \
  "$POSTGRES_USER" "$(cat /secrets/postgres/password)" "$POSTGRES_DB" > /secrets/state/database.url
printf 'redis://:%s@redis:6379' "$(cat /secrets/redis/password)" > /secrets/state/redis.url
chown 1000 /secrets/state/database.url /secrets/state/redis.url
chmod 711 /secrets/postgres /secrets/redis /secrets/grafana /secrets/state
