#!/usr/bin/env bash
# readme_example.sh ROOT: the example of projections/README.md is the one that readme_example_test.cpp runs; it
# compiles with g++ 12, too; and what users get wrong is answered with a sentence of ours.
set -euo pipefail
root=$1
test=$root/tests/projections/fold/readme_example_test.cpp
example() { awk '/^\/\/ \[example\]$/ {inside = !inside; next} inside' "$test"; }
readme() { awk '/^```cpp$/ {inside = 1; next} /^```$/ {inside = 0} inside' "$root/projections/README.md"; }
diff <(readme) <(example) || { echo "projections/README.md does not show the example that is tested"; exit 1; }

check() { "$@" -std=c++23 -fsyntax-only -Wall -Wextra -I "$root" -xc++ -; }
example | check g++-12 -Werror

# refused SENTENCE STATEMENT: the statement behind the example does not compile, and the sentence is why.
refused() {
  local said
  if said=$( (example; echo "auto wrong = $2;") | check clang++-19 2>&1); then
    echo "compiles: $2"
    exit 1
  fi
  grep -qF "$1" <<<"$said" || { echo "wanted '$1' of: $2"; echo "$said"; exit 1; }
}
refused 'on<E>: no event_traits<E>' 'accounts.on<Account>([](Account&, const Account&) {})'
refused 'a handler is called with (State&, const E&)' 'accounts.on<Closed>([](int, const Closed&) {})'
refused 'a handler returns nothing, drop, keep' 'accounts.on<Closed>([](Account&, const Closed&) { return 1.5; })'
refused 'a key is a std::string' 'accounts.key_by<Closed>([](const Closed&) { return 7; })'
refused 'no codec for this type' 'projection<std::vector<int*>>("pointers")'
echo "the example compiles with g++ 12; 5 mistakes are told"
