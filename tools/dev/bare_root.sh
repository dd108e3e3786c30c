#!/usr/bin/env bash
# A bare Debian 12 in a folder: what debootstrap calls minbase, with this machine's package sources. Needs root.
#
#   bare_root.sh make FOLDER [PACKAGE…]   makes it, with these packages
#   bare_root.sh run COMMAND              clones this repository into a fresh one and runs the command there:
#                                         bare_root.sh run ./test      bare_root.sh run './run --version'
#
# `run` shows that the README's commands do all the set-up. Its root is /tmp/stele-bare-root (BARE_ROOT=… another one),
# made anew at each call; KEEP=1 uses the last one.
set -euo pipefail

log_of() { echo "${1%/}.log"; }

# mirror: where this machine gets Debian's own packages from.
mirror() {
  { cat /etc/apt/sources.list.d/*.sources 2>/dev/null | awk '/^URIs:/ {print $2}'
    cat /etc/apt/sources.list 2>/dev/null | awk '$1 == "deb" {print $2}'
    echo http://deb.debian.org/debian; } | grep -m 1 '/debian/*$'
}

# The sources, certificates and client settings of this machine, so that the root reaches what it reaches.
give_settings() {
  local root=$1 file
  if [ -f /etc/apt/sources.list.d/debian.sources ]; then
    rm -f "$root/etc/apt/sources.list"
    cp /etc/apt/sources.list.d/debian.sources "$root/etc/apt/sources.list.d/"
  fi
  cp /etc/apt/apt.conf.d/99* "$root/etc/apt/apt.conf.d/" 2>/dev/null || true
  cp /etc/resolv.conf /etc/hosts "$root/etc/"
  mkdir -p "$root/etc/ssl/certs"
  cp -r /etc/ssl/certs/. "$root/etc/ssl/certs/" 2>/dev/null || true
  cp /etc/pip.conf "$root/etc/" 2>/dev/null || true
  for file in .npmrc .m2/settings.xml .config/go/env; do
    [ ! -f "${HOME:-/root}/$file" ] || install -D "${HOME:-/root}/$file" "$root/root/$file"
  done
}

# inside ROOT COMMAND…
inside() {
  local root=$1
  shift
  env -i HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin CI="${CI:-}" \
    TERM="${TERM:-dumb}" DEBIAN_FRONTEND=noninteractive chroot "$root" "$@"
}

make_root() {
  local root=$1 log
  shift
  log=$(log_of "$root")
  rm -rf "$root"
  mkdir -p "$root"
  debootstrap --variant=minbase bookworm "$root" "$(mirror)" >"$log" 2>&1 || { tail -n 5 "$log" >&2; return 1; }
  give_settings "$root"
  [ $# = 0 ] || inside "$root" sh -c 'apt-get -q update && apt-get -q -y install --no-install-recommends "$@"' - "$@" \
    >>"$log" 2>&1 || { tail -n 5 "$log" >&2; return 1; }
}

release_root() {
  local place
  for place in proc sys dev/shm dev; do
    ! mountpoint -q "$1/$place" || umount -R "$1/$place"
  done
}

run_in_root() {
  local root=${BARE_ROOT:-/tmp/stele-bare-root} repository
  repository=$(cd "$(dirname "$0")/../.." && pwd)
  release_root "$root"
  if [ -z "${KEEP:-}" ] || [ ! -d "$root/usr" ]; then make_root "$root" ca-certificates; fi
  # shellcheck disable=SC2064
  trap "$(declare -f release_root); release_root '$root'" EXIT
  mount -t proc proc "$root/proc"
  mount --rbind /dev "$root/dev"
  mount --make-rslave "$root/dev"
  mount -t sysfs sysfs "$root/sys" 2>/dev/null || true
  rm -rf "$root/src"
  git clone -q "$repository" "$root/src"
  inside "$root" /bin/bash -c "cd /src && $1"
}

case "${1:-}" in
  make) shift; make_root "$@" ;;
  run) run_in_root "$2" ;;
  *) sed -n '2,9s/^# \{0,1\}//p' "$0"; exit 2 ;;
esac
