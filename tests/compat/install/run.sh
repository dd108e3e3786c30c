#!/usr/bin/env bash
# The installed package serves a project outside the tree: examples/embedded is built against it with Clang 19
# and with g++ 12, examples/projections with g++ 12, and both are run; each public header compiles alone with g++ 12
# from the installed folder.
set -euo pipefail
work=$STELE_ROOT/build/install-test
rm -rf "$work"
mkdir -p "$work"
cmake --install "$STELE_BUILD" --component library --prefix "$work/prefix" >"$work/install.log"

includes=$work/prefix/include/stele
count=0
while read -r header; do
  echo "#include \"$header\"" | g++-12 -std=c++23 -fsyntax-only -Wall -Wextra -Werror -I "$includes" -xc++ -
  count=$((count + 1))
done < <(cd "$includes" && find . -name '*.h' -printf '%P\n')
[ "$count" -ge 10 ] || { echo "only $count headers were installed"; exit 1; }
if grep -rhE '#include <(fmt|boost|google|grpc|spdlog)/' "$includes"; then
  echo "a public header needs more than the standard library"
  exit 1
fi

# expect WANTED LINE FILE: the file holds lines that match that often.
expect() {
  local found
  found=$(grep -cx -- "$2" "$3") || true
  [ "$found" = "$1" ] || { echo "wanted $1 x '$2', found $found:"; cat "$3"; exit 1; }
}

for compiler in clang++-19 g++-12; do
  build=$work/$compiler
  cmake -G Ninja -S "$STELE_ROOT/examples/embedded" -B "$build" -DCMAKE_CXX_COMPILER="$compiler" \
    -DCMAKE_CXX_FLAGS="-Wall -Wextra -Werror" -DCMAKE_PREFIX_PATH="$work/prefix" >"$build.log"
  ninja -C "$build"
  "$build/embedded" "$build/data" >"$build/first.txt"
  expect 1 'refused: sold at position 3' "$build/first.txt"
  expect 1 'booking: b-1 BookingOpened, version 0' "$build/first.txt"
  expect 1 'booking: b-1 SeatSold, version 1' "$build/first.txt"
  expect 2 'seat: b-[12] BookingOpened, version 0' "$build/first.txt"
  expect 1 'seat: b-1 SeatSold, version 1' "$build/first.txt"
  expect 1 'live: b-3 BookingOpened, version 0' "$build/first.txt"
  expect 1 '3 events before' "$build/first.txt"
  [ "$(wc -l <"$build/first.txt")" = 8 ] || { cat "$build/first.txt"; exit 1; }
  # A second process finds what the first has left.
  "$build/embedded" "$build/data" >"$build/second.txt"
  expect 0 'refused: .*' "$build/second.txt"
  expect 1 'booking: b-1 SeatSold, version 1' "$build/second.txt"
  expect 1 'live: b-4 BookingOpened, version 0' "$build/second.txt"
  expect 1 '4 events before' "$build/second.txt"
done

build=$work/projections
cmake -G Ninja -S "$STELE_ROOT/examples/projections" -B "$build" -DCMAKE_CXX_COMPILER=g++-12 \
  -DCMAKE_CXX_FLAGS="-Wall -Wextra -Werror" -DCMAKE_PREFIX_PATH="$work/prefix" >"$build.log"
ninja -C "$build"
"$STELE_ROOT/tests/projections/examples/run.sh" "$build/bank" "$build/orders"
echo "$count headers; the example ran with both compilers, those of projections with g++ 12"
