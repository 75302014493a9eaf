#!/usr/bin/env bash
# A Docker engine and a PostgreSQL image for the tests, also where neither is installed and no image
# registry is reached: the image is made of Debian's packages and behaves as the official one does
# (POSTGRES_USER, _PASSWORD, _DB; arguments after the image's name are the server's). The first
# time takes two to four minutes, each later one a few seconds.
#
# Usage: .ci/container-engine.sh start   starts an engine if none answers, makes the image if it is missing
#        .ci/container-engine.sh stop    stops the engine, if it is one that this script started
#
# What is kept between runs (about 400 MB) is in PLANGUARD_ENGINE_DIR.
set -euo pipefail

state=${PLANGUARD_ENGINE_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/pytest-planguard-engine}
image=planguard-postgres:15
base=planguard-debian:12 # as in image/Dockerfile
suite=bookworm
packages=postgresql-15,postgresql-15-hypopg
here=$(cd "$(dirname "$0")" && pwd)

say() { echo "container-engine: $*" >&2; }

# Runs a step in silence; what it said is shown if it fails.
logged() {
  local log="$state/$1.log"
  shift
  "$@" >"$log" 2>&1 </dev/null && return
  tail -n 20 "$log" >&2
  say "failed: $* (all of it is in $log)"
  exit 1
}

answers() { timeout 20 docker info >/dev/null 2>&1; }

# RUNLEVEL: the packages must not start an engine of their own, with data in another place.
install() {
  [ "$(id -u)" = 0 ] || { say "only root can install $*"; exit 1; }
  logged apt-update apt-get update -q
  logged apt-install env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 \
    apt-get install -y -q --no-install-recommends "$@"
}

start_engine() {
  answers && return
  [ "$(id -u)" = 0 ] || { say "no engine answers, and only root can start one"; exit 1; }
  command -v dockerd >/dev/null && command -v docker >/dev/null || install docker.io
  answers && return
  rm -f /var/run/docker.pid # of an engine that was killed: its number may be another process's
  # whoever called us by sudo is to reach it too
  setsid dockerd --ip 127.0.0.1 --data-root "$state/data" --group "${SUDO_GID:-0}" >"$state/dockerd.log" 2>&1 </dev/null &
  local pid=$!
  echo "$pid" >"$state/dockerd.pid"
  for _ in $(seq 120); do
    answers && return
    kill -0 "$pid" 2>/dev/null || break
    sleep 0.5
  done
  tail -n 20 "$state/dockerd.log" >&2
  stop_engine
  say "the engine did not start (all it said is in $state/dockerd.log)"
  exit 1
}

# The number of a process is believed only if it is an engine on our own data.
stop_engine() {
  [ -f "$state/dockerd.pid" ] || return 0
  local pid
  pid=$(cat "$state/dockerd.pid")
  rm -f "$state/dockerd.pid"
  tr '\0' ' ' 2>/dev/null <"/proc/$pid/cmdline" | grep -qF -- "--data-root $state/data" || return 0
  kill "$pid" 2>/dev/null || return 0
  for _ in $(seq 120); do
    kill -0 "$pid" 2>/dev/null || return 0
    sleep 0.25
  done
  say "the engine (pid $pid) does not stop; it is killed"
  kill -KILL "$pid" 2>/dev/null || true
}

# An image that was made of something else is made anew.
make_image() {
  local recipe
  recipe=$({ echo "$suite $packages"; cat "$here"/image/*; } | sha256sum | cut -c1-16)
  [ "$(docker image inspect --format '{{index .Config.Labels "recipe"}}' "$image" 2>/dev/null)" = "$recipe" ] && return
  [ "$(id -u)" = 0 ] || { say "only root can make the image $image"; exit 1; }
  command -v debootstrap >/dev/null || install debootstrap
  say "making the image $image, once"
  local rootfs="$state/rootfs" old
  old=$(docker image ls -q --no-trunc "$image" && docker image ls -q --no-trunc "$base")
  umount "$rootfs/proc" "$rootfs/sys" 2>/dev/null || true # of a run that was killed
  rm -rf --one-file-system "$rootfs"
  logged debootstrap debootstrap --variant=minbase \
    --include="$packages" "$suite" "$rootfs"
  umount "$rootfs/proc" "$rootfs/sys" 2>/dev/null || true
  rm -rf "$rootfs"/var/cache/apt/* "$rootfs"/var/lib/apt/lists/* "$rootfs"/usr/share/{doc,man,locale} \
    "$rootfs"/var/lib/postgresql/15 "$rootfs"/etc/postgresql/15
  logged import bash -c 'tar -C "$1" --one-file-system -c . | docker import - "$2"' _ "$rootfs" "$base"
  rm -rf --one-file-system "$rootfs"
  logged build docker build -q --label "recipe=$recipe" -t "$image" "$here/image"
  # shellcheck disable=SC2086
  [ -z "$old" ] || docker image rm $old >/dev/null 2>&1 || true
}

start() {
  mkdir -p "$state"
  exec 9>"$state/lock"
  flock 9 # one at a time
  start_engine 9>&-
  make_image 9>&-
}

case "${1:-}" in
  start) start ;;
  stop) stop_engine ;;
  *) say "usage: $0 start|stop"; exit 2 ;;
esac
