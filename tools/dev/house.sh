# What ./run and ./test share: installing what is missing, configuring, building. Sourced, not run.
# Everything said here goes to stderr, so that stdout stays the program's own.

house_root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
# Folders built with the same flags share their objects.
export CCACHE_BASEDIR=$house_root CCACHE_NOHASHDIR=1
export CCACHE_SLOPPINESS=pch_defines,time_macros
# A machine made for one run keeps nothing: to fill a cache there costs an eighth of the build.
if [ "${CI:-}" = true ] && [ -z "${CCACHE_DIR:-}" ] && [ ! -d ~/.cache/ccache ] && [ ! -d ~/.ccache ]; then
  export CCACHE_DISABLE=1
fi

say() { printf '%s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

# packages_missing GROUP…: prints what tools/dev/packages.txt lists for the groups and dpkg has not.
packages_missing() {
  local wanted installed
  wanted=$(awk -v groups=" $* " '!/^#/ && index(groups, " " $1 " ") {print $2}' \
    "$house_root/tools/dev/packages.txt" | sort -u)
  installed=$(dpkg-query -W -f='${db:Status-Status} ${Package}\n' $wanted 2>/dev/null \
    | awk '$1 == "installed" {print $2}' | sort -u)
  comm -23 <(echo "$wanted") <(echo "$installed")
}

# house_install GROUP…: one apt-get call for all that is missing; none, and no network, if nothing is. One at a time.
house_install() {
  mkdir -p "$house_root/build"
  (flock 7; install_missing "$@") 7>"$house_root/build/apt.lock" || exit 1
}

install_missing() {
  if ! command -v dpkg-query >/dev/null; then
    say "not a Debian machine: the packages of tools/dev/packages.txt are taken to be there"
    return 0
  fi
  local missing as_root="" log="$house_root/build/apt.log" started=$SECONDS
  missing=$(packages_missing "$@")
  [ -n "$missing" ] || return 0
  if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null || die "needs root once: apt-get install" $missing
    as_root=sudo
  fi
  say "installing $(echo "$missing" | wc -l) packages …"
  apt_install "$as_root" "$missing" >"$log" 2>&1 </dev/null || {
    tail -n 15 "$log" >&2
    die "could not install:" $missing "(all of it: $log)"
  }
  say "installed in $((SECONDS - started)) s"
}

# The package lists are fetched only where they are missing or too old to find the packages.
apt_install() {
  local as_root=$1 missing=$2
  local apt="$as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o Dpkg::Use-Pty=0"
  ls /var/lib/apt/lists/*Packages* >/dev/null 2>&1 || $apt update
  $apt install --no-install-recommends $missing && return 0
  $apt update && $apt install --no-install-recommends $missing
}

# house_configure FOLDER PRESET [-DX=Y…]: configures build/FOLDER, if that was not done already.
house_configure() {
  local folder="$house_root/build/$1" preset=$2 log="$house_root/build/$1.configure.log"
  shift 2
  local made_from=""
  [ -f "$folder/CMakeCache.txt" ] \
    && made_from=$(sed -n 's/^CMAKE_HOME_DIRECTORY:INTERNAL=//p' "$folder/CMakeCache.txt")
  [ "$made_from" = "$house_root" ] && [ "$folder/build.ninja" -nt "$house_root/CMakePresets.json" ] \
    && return 0
  # A tree that was moved starts afresh.
  [ "$made_from" = "$house_root" ] || rm -rf "$folder"
  mkdir -p "$house_root/build"
  say "configuring build/$(basename "$folder") …"
  (cd "$house_root" && cmake --preset "$preset" -B "$folder" "$@") >"$log" 2>&1 </dev/null && return 0
  tail -n 30 "$log" >&2
  rm -f "$folder/build.ninja"
  return 1
}

# house_build FOLDER [TARGET…]: builds what changed; on a terminal ninja shows how far it is.
house_build() {
  local folder="$house_root/build/$1" log="$house_root/build/$1.build.log" started=$SECONDS
  shift
  [ "$(ninja -C "$folder" -n "$@" 2>/dev/null | tail -n 1)" = "ninja: no work to do." ] && return 0
  say "building $(basename "$folder") …"
  if [ -t 2 ]; then
    NINJA_STATUS="[%f/%t %es] " ninja -C "$folder" "$@" >&2 || return 1
  elif ! ninja -C "$folder" "$@" >"$log" 2>&1 </dev/null; then
    grep -A 40 -m 1 '^FAILED' "$log" >&2 || tail -n 40 "$log" >&2
    say "the build failed (all of it: $log)"
    return 1
  fi
  say "built in $((SECONDS - started)) s"
}
