#!/bin/bash
# What the official image does at its start, as far as tests need it.
set -e
export PGDATA=${PGDATA:-/var/lib/postgresql/data}
user=${POSTGRES_USER:-postgres} db=${POSTGRES_DB:-${POSTGRES_USER:-postgres}}

if [ "$(id -u)" = 0 ]; then
  mkdir -p "$PGDATA" /var/run/postgresql
  chown postgres "$PGDATA" /var/run/postgresql
  exec setpriv --reuid=postgres --regid=postgres --init-groups "$0" "$@"
fi

if [ ! -f "$PGDATA/PG_VERSION" ]; then
  # unquoted as in the official image: POSTGRES_INITDB_ARGS holds several arguments
  # shellcheck disable=SC2086
  initdb -U "$user" --encoding=UTF8 --locale=C.UTF-8 --pwfile=<(echo "${POSTGRES_PASSWORD:?}") \
    --auth-host=scram-sha-256 --auth-local=trust ${POSTGRES_INITDB_ARGS:-} >/dev/null
  echo "host all all all scram-sha-256" >>"$PGDATA/pg_hba.conf"
  pg_ctl -w -o "-c listen_addresses=''" start >/dev/null
  [ "$db" = postgres ] || psql -q -U "$user" -d postgres -c "create database \"$db\""
  pg_ctl -w -m fast stop >/dev/null
  echo "PostgreSQL init process complete; ready for start up."
fi

[ "${1:-}" = postgres ] && shift
exec postgres -c listen_addresses='*' "$@"
