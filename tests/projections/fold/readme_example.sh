#!/usr/bin/env bash
# readme_example.sh ROOT: the example of README.md and projections/README.md is the one that readme_example_test.cpp runs; it
# compiles with g++ 12, too; and what users get wrong is answered with a sentence of ours.
set -euo pipefail
root=$1
test=$root/tests/projections/fold/readme_example_test.cpp
example() { awk '/^\/\/ \[example\]$/ {inside = !inside; next} inside' "$test"; }
readme() { awk '/^```cpp$/ {inside = 1; next} /^```$/ {inside = 0} inside' "$root/projections/README.md"; }
diff <(readme) <(example) || { echo "projections/README.md does not show the example that is tested"; exit 1; }
[[ $(<"$root/README.md") == *"$(example)"* ]] || { echo "README.md does not show the example that is tested"; exit 1; }

check() { "$@" -std=c++23 -fsyntax-only -Wall -Wextra -I "$root" -xc++ -; }
example | check g++-12 -Werror

# Statements behind the example that do not compile, and the sentences that say why.
wrong() {
  cat <<'EOF'
auto no_traits = accounts.on<Account>([](Account&, const Account&) {});
auto not_called_so = accounts.on<Closed>([](int, const Closed&) {});
auto odd_answer = accounts.on<Closed>([](Account&, const Closed&) { return 1.5; });
auto odd_key = accounts.key_by<Closed>([](const Closed&) { return 7; });
auto odd_state = projection<std::vector<int*>>("pointers");
EOF
}
said=$( (example; wrong) | check clang++-19 -ferror-limit=0 2>&1) && { echo "mistakes compile"; exit 1; }
for sentence in 'on<E>: no event_traits<E>' 'a handler is called with (State&, const E&)' \
  'a handler returns nothing, drop, keep' 'a key is a std::string' 'no codec for this type'; do
  grep -qF "$sentence" <<<"$said" || { echo "nobody said '$sentence':"; echo "$said"; exit 1; }
done
echo "the example compiles with g++ 12; 5 mistakes are told"
