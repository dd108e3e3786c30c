// Our side of the comparison with Kafka's own message classes; run.sh says how the two are put
// together.
//   wire_peer emit SEED COUNT   random messages, written by us:   "<message> <version> <hex>"
//   wire_peer check             reads "<message> <version> <kind> <hex> <expected hex>", decodes,
//   encodes, compares wire_peer table             our version table and error codes wire_peer
//   schema            our field lists: place, versions, nullable versions, tag, default
#include <fmt/format.h>

#include <charconv>
#include <cstdio>
#include <iostream>
#include <map>
#include <sstream>
#include <string>
#include <string_view>

#include "server/kafka/wire/error_code.h"
#include "tests/compat/kafka-wire/wire_peer.h"
#include "tests/server/kafka/wire/every_message.h"
#include "tests/server/kafka/wire/hex.h"

namespace stele::kafka {
namespace {

template <class M>
Result<Bytes> decode_and_encode(std::int16_t version, ByteView bytes) {
  STELE_TRY(const M message, read<M>(version, bytes));
  Writer out;
  STELE_DO(write(out, version, message));
  return std::move(out).bare().flat();
}

using Recoder = Result<Bytes> (*)(std::int16_t, ByteView);

std::map<std::string_view, Recoder> recoders() {
  std::map<std::string_view, Recoder> result;
  for_each_message([&]<class M> { result[M::kMessage.name] = &decode_and_encode<M>; });
  return result;
}

int check() {
  const auto known = recoders();
  std::map<std::string, int> checked;
  int failures = 0;
  std::string line;
  while (std::getline(std::cin, line)) {
    std::istringstream words(line);
    std::string message;
    std::int16_t version = -1;
    std::string kind;
    std::string hex;
    std::string expected;
    words >> message >> version >> kind >> hex >> expected;
    const auto recode = known.find(message);
    if (!words || recode == known.end()) {
      std::cerr << "unknown line: " << line.substr(0, 100) << '\n';
      return 2;
    }
    const Bytes bytes = from_hex(hex == "-" ? "" : hex);
    const auto again = recode->second(version, bytes);
    ++checked[fmt::format("{} v{}", message, version)];
    if (again && *again == from_hex(expected == "-" ? "" : expected)) continue;
    if (++failures > 20) continue;
    std::cerr << fmt::format("{} v{} ({}): {}\n  kafka {:.400}\n  ours  {:.400}\n", message,
                             version, kind, again ? "bytes differ" : again.error().text(), expected,
                             again ? to_hex(*again) : "");
  }
  int total = 0;
  int least = std::numeric_limits<int>::max();
  for (const auto& [place, count] : checked) {
    total += count;
    least = std::min(least, count);
  }
  std::cout << fmt::format(
      "kafka to stele: {} messages, {} message versions, at least {} each, {} failures\n", total,
      checked.size(), checked.empty() ? 0 : least, failures);
  return failures == 0 && total > 0 ? 0 : 1;
}

void print_table() {
  for (const Api& api : kApis) {
    std::cout << fmt::format("api {} {} {} {} {} {}", static_cast<int>(api.key), api.name,
                             api.served.first, api.served.last, api.advertised.first,
                             api.advertised.last);
    for (std::int16_t v = api.served.first; v <= api.served.last; ++v) {
      std::cout << fmt::format(" {}:{}", request_header_version(api.key, v),
                               response_header_version(api.key, v));
    }
    std::cout << '\n';
  }
  for (const ErrorName& error : kErrorNames) {
    std::cout << fmt::format("error {} {}\n", static_cast<int>(error.code), error.name);
  }
}

std::uint64_t number(std::string_view text) {
  std::uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

int run(int count, char** arguments) {
  const std::string_view mode = count > 1 ? arguments[1] : "";
  if (mode == "emit" && count == 4) {
    return emit_messages(number(arguments[2]), static_cast<int>(number(arguments[3]))), 0;
  }
  if (mode == "check") return check();
  if (mode == "table") return print_table(), 0;
  if (mode == "schema") return print_schema(), 0;
  std::cerr << "usage: wire_peer emit SEED COUNT | check | table | schema\n";
  return 2;
}

}  // namespace
}  // namespace stele::kafka

int main(int count, char** arguments) {
  std::ios::sync_with_stdio(false);
  return stele::kafka::run(count, arguments);
}
