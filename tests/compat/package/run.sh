#!/usr/bin/env bash
# The Debian packages: made by cpack from what is built, checked, and installed, started, upgraded and purged in a bare
# Debian of their own; package.py beside this says what is asserted. Nothing of this machine is changed: the root lives
# in memory, in a mount namespace that goes with this script. The empty root is kept in build/package-root/.
set -euo pipefail
root=${STELE_ROOT:-$(cd "$(dirname "$0")/../../.." && pwd)}
build=${STELE_BUILD:-$root/build/release}
cache=$root/build/package-root
could_not_run() { echo "$*"; exit 77; }

[ "$(id -u)" = 0 ] || could_not_run "needs root: it makes a root folder and enters it"
for program in debootstrap dpkg-shlibdeps cpack kcat zstd; do
  command -v "$program" >/dev/null || could_not_run "$program is not installed"
done
if [ "${1:-}" != inside ]; then
  # Inside a chroot the propagation of / cannot be changed.
  for private in private unchanged; do
    unshare --mount --propagation "$private" true 2>/dev/null || continue
    exec unshare --mount --propagation "$private" --pid --fork --kill-child "$0" inside
  done
  could_not_run "no mount namespace of its own is to be had"
fi

work=$(mktemp -d)
trap 'umount -R "$work" 2>/dev/null || true; rmdir "$work"' EXIT
mount -t tmpfs -o mode=755 package-test "$work"
mkdir "$work/packages" "$work/root"
(cd "$build" && cpack -G DEB -B "$work/packages" >"$work/cpack.log") || { cat "$work/cpack.log"; exit 1; }

# What the package depends on comes from Debian's servers once; a root with something else in it is another one.
depends=$(dpkg-deb -f "$work"/packages/stele_*.deb Depends | sed 's/([^)]*)//g; s/,/ /g')
kept=$cache/$(echo "$depends" "$(cat "$root/tools/dev/bare_root.sh")" | sha256sum | cut -c 1-16).tar.zst
if [ ! -f "$kept" ]; then
  "$root/tools/dev/bare_root.sh" make "$work/root" $depends || could_not_run "debootstrap has not worked: no way to Debian's servers?"
  rm -rf "$work"/root/var/cache/apt/archives/*.deb "$work"/root/var/lib/apt/lists/*
  mkdir -p "$cache"
  tar -C "$work/root" -cf - . | zstd -q -1 -T0 -o "$kept.new" && mv "$kept.new" "$kept"
else
  zstd -dcq "$kept" | tar -C "$work/root" -xf -
fi
PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=$root/tests/e2e STELE_ROOT=$root STELE_BUILD=$build \
  python3 "$root/tests/compat/package/package.py" "$work"
