// An event and a state of all kinds of members, for the fuzzers of their decoders.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <variant>
#include <vector>

#include "projections/fold/event_traits.h"
#include "projections/fold/state_codec.h"

namespace stele::projections::fuzz {

struct Line {
  std::string sku;
  std::int32_t quantity = 0;
  std::optional<std::vector<std::uint8_t>> sizes;
};
struct Ordered {
  std::string_view customer;
  std::int64_t cents = 0;
  std::uint16_t port = 0;
  double rate = 0;
  bool paid = false;
  std::optional<std::string> note;
  std::vector<Line> lines;
  std::map<std::string, double> rates;
};

/// No lists, maps or structs: decoded the quick way where it can be.
struct Flat {
  std::int64_t cents = 0;
  std::uint16_t port = 0;
  double rate = 0;
  bool paid = false;
  std::string_view customer;
  std::optional<std::string> note;
  std::optional<double> share;
};

struct Node {
  std::int64_t value = 0;
  std::vector<Node> children;
};
struct Everything {
  std::int64_t count = 0;
  std::uint32_t errors = 0;
  bool open = false;
  std::string text;
  Bytes bytes;
  std::optional<Line> line;
  std::map<std::string, Line> lines;
  std::set<std::uint16_t> days;
  std::unordered_map<std::string, std::int8_t> names;
  std::variant<std::monostate, std::int64_t, std::string> note;
  Node tree;
};

}  // namespace stele::projections::fuzz

namespace stele::projections {
template <>
struct event_traits<fuzz::Ordered> : json_event<"Ordered"> {};
template <>
struct state_traits<fuzz::Everything>
    : described<field<"count", &fuzz::Everything::count, varint>,
                field<"errors", &fuzz::Everything::errors, varint>,
                field<"open", &fuzz::Everything::open>, field<"text", &fuzz::Everything::text>,
                field<"bytes", &fuzz::Everything::bytes>, field<"line", &fuzz::Everything::line>,
                field<"lines", &fuzz::Everything::lines>, field<"days", &fuzz::Everything::days>,
                field<"names", &fuzz::Everything::names>, field<"note", &fuzz::Everything::note>,
                field<"tree", &fuzz::Everything::tree>> {};
}  // namespace stele::projections
