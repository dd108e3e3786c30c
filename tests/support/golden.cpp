#include "tests/support/golden.h"

#include <algorithm>
#include <sstream>

namespace stele {

std::string golden_text(ByteView bytes) {
  std::ostringstream out;
  constexpr char kDigits[] = "0123456789abcdef";
  for (std::size_t at = 0; at < bytes.size(); at += 16) {
    const ByteView line = bytes.subspan(at, std::min<std::size_t>(16, bytes.size() - at));
    if (std::ranges::all_of(line, [](std::byte one) { return one == std::byte{0}; })) continue;
    out << std::hex << at << ":";
    for (const std::byte one : line) {
      out << ' ' << kDigits[std::to_integer<unsigned>(one) / 16]
          << kDigits[std::to_integer<unsigned>(one) % 16];
    }
    out << '\n';
  }
  out << "size " << std::dec << bytes.size() << '\n';
  return out.str();
}

Bytes parse_golden_text(std::istream& in) {
  Bytes bytes;
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("size ")) {
      bytes.resize(std::stoul(line.substr(5)));
      break;
    }
    const std::size_t colon = line.find(':');
    std::istringstream digits(line.substr(colon + 1));
    bytes.resize(std::stoul(line.substr(0, colon), nullptr, 16));
    for (std::string one; digits >> one;)
      bytes.push_back(static_cast<std::byte>(std::stoul(one, nullptr, 16)));
  }
  return bytes;
}

}  // namespace stele
