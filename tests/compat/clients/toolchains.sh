# Toolchains, the packages of languages, and what installs at a time. Sourced by this folder's install.sh and its neighbours',
# behind tools/dev/house.sh; they set `out`, the folder for what is made, and `python`.
source "$root/tools/dev/go.sh"
node_wanted=18 rust_wanted=1.95

# install_toolchains go|node|rust…: what PATH has is taken if it is new enough, else Debian's packages are.
install_toolchains() {
  local missing="" name
  for name in "$@"; do
    case $name in
      go) as_new $go_wanted "$(go_version)" ;;
      node) as_new $node_wanted "$(node --version 2>/dev/null | tr -d v)" && command -v npm >/dev/null ;;
      rust) as_new $rust_wanted "$(cargo --version 2>/dev/null | cut -d' ' -f2)" ;;
    esac || missing+=" $name"
  done
  [ -z "$missing" ] || house_install $missing
}

# packages_of FOLDER REQUIREMENTS: Python packages in $out/FOLDER, made again when the requirements change.
packages_of() {
  local folder=$out/$1 wanted=$2
  cmp -s "$wanted" "$folder/requirements.txt" && return 0
  rm -rf "$folder"
  CC=${CC:-clang-19} "$python" -m pip install --quiet --disable-pip-version-check --target "$folder" -r "$wanted"
  cp "$wanted" "$folder/requirements.txt"
}

# modules_of FOLDER SOURCE: what SOURCE's package-lock.json says, in $out/FOLDER; made again when that changes.
modules_of() {
  local folder=$out/$1 source=$2
  mkdir -p "$folder"
  cmp -s "$source/package-lock.json" "$folder/installed-lock.json" && return 0
  cp "$source/package.json" "$source/package-lock.json" "$folder/"
  (cd "$folder" && npm ci --omit=dev --ignore-scripts --no-audit --no-fund --loglevel=error)
  cp "$source/package-lock.json" "$folder/installed-lock.json"
}

# in_parallel NAME…: install_NAME of each, what they say in logs that are shown where one fails.
in_parallel() {
  local name failed=0
  declare -A running
  for name in "$@"; do
    (set -e; "install_$name") >"$out/install-$name.log" 2>&1 &
    running[$name]=$!
  done
  for name in "$@"; do
    wait "${running[$name]}" && continue
    say "--- install $name"
    tail -n 40 "$out/install-$name.log" >&2
    failed=1
  done
  return $failed
}
