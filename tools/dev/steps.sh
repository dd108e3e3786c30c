# The steps of ./test: each is a function step_NAME that fails with its exit code. Sourced by ./test.
# A step that is many cases writes one line for each with `case_is`; another one counts as one case.

release=$house_root/build/release
asan=$house_root/build/asan
tsan=$house_root/build/tsan
venv=$house_root/build/venv
script_seconds_max=900

# case_is pass|fail|skip NAME [WHY]
case_is() { printf '%s\t%s\t%s\n' "$1" "$2" "${3:-}" >>"$cases"; }

our_cpp() { git ls-files -co --exclude-standard -- '*.h' '*.cpp' | sort -u | xargs -d '\n' ls -d 2>/dev/null; }

step_format() { our_cpp | xargs -d '\n' -n 40 -P 2 clang-format-19 --dry-run -Werror; }

step_tidy() { tools/dev/tidy.py; }

step_tidy_rules() { python3 -B -m unittest discover -s tools/dev -p '*_test.py'; }

# The benches are built with --full: no step runs them.
step_build() {
  house_configure release release -DSTELE_PCH=ON -DSTELE_BENCH=${full:+ON}
  house_build release
}

step_headers() {
  house_configure release release -DSTELE_PCH=ON
  tools/dev/lint.py headers "$release"
}

step_clang_tidy() {
  house_configure release release -DSTELE_PCH=ON
  tools/dev/lint.py tidy "$release" ${full:+--tests}
}

# tested_programs FOLDER: the programs that ctest runs there, or gives to a script, as ninja calls them.
tested_programs() {
  find "$1" -name CTestTestfile.cmake -exec sed -n '/^add_test(/p' {} + | grep -o "\"$1/bin/[^\"]*" | sed "s,^\"$1/,," | sort -u
}

step_asan_build() {
  # The fuzzers are part of this build: one sanitized build is enough for both. What no test runs is left out.
  house_configure asan asan -DSTELE_FUZZ=ON -DSTELE_PCH=ON
  house_build asan $(tested_programs "$asan")
}

# ctest_cases FOLDER [CTEST-ARGUMENT…]: runs what the arguments select; each test is a case.
ctest_cases() {
  local folder=$1 report="$logs/$step.xml" code=0
  shift
  if ctest --test-dir "$folder" -N "$@" | grep -q '^Total Tests: 0$'; then
    case_is skip "$step" "no test is registered for it"
    return 0
  fi
  ctest --test-dir "$folder" -j 2 --output-on-failure --timeout "$script_seconds_max" --test-output-size-passed 4000000 \
    --output-junit "$report" "$@" || code=$?
  tools/dev/junit_cases.py "$step" "$report" >>"$cases" || code=1
  return $code
}

# What is not a campaign, nor a fuzzer fed with its corpus.
unit_tests=(-LE '^crash$' -E '_corpus$')

step_unit() { ctest_cases "$release" "${unit_tests[@]}"; }

# The failure loops let every third I/O call fail; with --full every one.
step_crash() {
  [ -n "$full" ] || export STELE_STRIDE=${STELE_STRIDE:-3}
  ctest_cases "$release" -L '^crash$'
}

step_fuzz() { ctest_cases "$asan" -R '_corpus$'; }

# The crash campaigns run in full in the release build; here a slice of them, for the sanitizers' eyes. Failure loops and damages
# have no slice that takes less than minutes here: they come with --full.
step_asan() {
  ctest_cases "$asan" "${unit_tests[@]}"
  local sliced=(-L '^crash$')
  [ -n "$full" ] || sliced+=(-E '^(failure_loops|corruption_sweep)$')
  STELE_COUNT=${STELE_COUNT:-500} ctest_cases "$asan" "${sliced[@]}"
}

step_tsan() {
  house_configure tsan tsan -DSTELE_PCH=ON
  house_build tsan $(tested_programs "$tsan")
  ctest_cases "$tsan" "${unit_tests[@]}"
}

# The Python of the tests, with the clients of tests/e2e/requirements.txt; made again when that changes.
make_venv() {
  local wanted="$house_root/tests/e2e/requirements.txt"
  cmp -s "$wanted" "$venv/requirements.txt" && return 0
  rm -rf "$venv"
  python3 -m venv "$venv"
  "$venv/bin/pip" install --quiet --disable-pip-version-check -r "$wanted"
  cp "$wanted" "$venv/requirements.txt"
}

# run_script LANE SCRIPT: one case; it may say with exit code 77 that it could not run. Each lane has ports of its own.
run_script() {
  local lane=$1 script=$2 name=${2#tests/} log started=$SECONDS code=0
  log="$logs/$step.$(echo "${script#tests/*/}" | tr / _).log"
  case $script in
    */test_*.py) set -- "$venv/bin/python" -m pytest -q "$script" ;;
    *.py) set -- "$venv/bin/python" "$script" ;;
    *) set -- "./$script" ;;
  esac
  STELE_PORTS=$((20000 + 4000 * lane))-$((23999 + 4000 * lane)) \
    timeout -k 20 "$script_seconds_max" "$@" >"$log" 2>&1 </dev/null || code=$?
  echo "$name: exit code $code after $((SECONDS - started)) s ($log)"
  case $code in
    0) case_is pass "$name" ;;
    77) case_is skip "$name" "$(tail -n 1 "$log")" ;;
    *) tail -n 40 "$log"; case_is fail "$name" ;;
  esac
}

# script_cases LANES SCRIPT…: each is a case; as many at a time as there are lanes. A script that says `Runs alone` in its
# first lines (it measures time or memory) runs behind the others, by itself; one that says `Runs long` begins first.
script_cases() {
  local lanes=$1 script long=() others=() alone=()
  shift
  export STELE_BUILD=$release STELE_ROOT=$house_root STELE_VENV=$venv PATH="$venv/bin:$PATH"
  for script in "$@"; do
    case $(head -n 20 "$script") in
      *"Runs alone"*) alone+=("$script") ;;
      *"Runs long"*) long+=("$script") ;;
      *) others+=("$script") ;;
    esac
  done
  export -f run_script case_is
  export step cases logs venv script_seconds_max
  printf '%s\0' "${long[@]}" "${others[@]}" | xargs -0 -r -n 1 -P "$lanes" --process-slot-var=lane \
    bash -c '[ -z "$1" ] || run_script "$lane" "$1"' lane
  for script in "${alone[@]}"; do run_script 0 "$script"; done
  ! grep -q '^fail' "$cases"
}

# scripts_in PATTERN…: the executable files among them, so that a file dropped in is a case.
scripts_in() {
  local script
  for script in "$@"; do
    [ -f "$script" ] && [ -x "$script" ] && echo "$script"
  done
  return 0
}

# step_scripts LANES PATTERN…
step_scripts() {
  local lanes=$1 scripts
  shift
  mapfile -t scripts < <(scripts_in "$@")
  if [ ${#scripts[@]} = 0 ]; then
    case_is skip "$step" "no case is there"
    return 0
  fi
  make_venv
  script_cases "$lanes" "${scripts[@]}"
}

step_compat() { step_scripts 2 tests/compat/*/run.sh; }

# Three at a time: one of them waits most of the time, for what is slow on purpose.
step_e2e() { step_scripts 3 tests/e2e/*.sh tests/e2e/*.py; }
