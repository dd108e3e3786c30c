#include "projections/fold/state_codec.h"

#include <gtest/gtest.h>

#include <limits>
#include <map>
#include <unordered_map>
#include <unordered_set>

#include "projections/fold/state_box.h"

namespace stele::projections {
namespace {

struct Stop {
  std::string airport;
  std::int32_t minutes = 0;
  friend bool operator==(const Stop&, const Stop&) = default;
};
struct Plane {
  std::int64_t miles = 0;
  bool airborne = false;
  double fuel = 0;
  std::string where;
  std::optional<Stop> last;
  std::vector<Stop> stops;
  std::map<std::string, std::int64_t> visits;
  std::set<std::int32_t> days;
  std::unordered_map<std::string, int> names;
  std::unordered_set<int> numbers;
  std::array<std::uint8_t, 3> code{};
  std::variant<std::monostate, std::int64_t, std::string> note;
  std::chrono::milliseconds delay{0};
  Bytes raw;
};
struct Counter {
  std::int64_t count = 0;
  std::uint32_t errors = 0;
  std::string hidden = "not kept";
};
struct Padded {
  std::int8_t small = 0;
  std::int64_t big = 0;
};
/// Neither an aggregate nor padded.
class Opaque {
public:
  Opaque() : value_(7) {}
  explicit Opaque(std::int64_t value) : value_(value) {}
  [[nodiscard]] std::int64_t value() const { return value_; }

private:
  std::int64_t value_;
};
class Roman {
public:
  std::string letters;
};
struct Pages {
  Roman first;
  Roman last;
};
class Message {
public:
  [[nodiscard]] std::string SerializeAsString() const { return "m" + value; }
  bool ParseFromArray(const void* data, int size) {
    const std::string_view text(static_cast<const char*>(data), static_cast<std::size_t>(size));
    if (!text.starts_with('m')) return false;
    value = text.substr(1);
    return true;
  }
  [[nodiscard]] std::string GetTypeName() const { return "shop.Message"; }
  [[nodiscard]] std::string ShortDebugString() const { return "value: \"" + value + "\""; }
  std::string value;
};
struct Node {
  std::vector<Node> children;
};

}  // namespace

template <>
struct state_traits<Counter>
    : described<field<"n", &Counter::count, varint>, field<"errors", &Counter::errors, varint>> {};
template <>
struct state_traits<Roman> {
  static constexpr std::string_view shape = "roman numeral";
  static void encode(const Roman& value, Bytes& to) {
    const ByteView bytes = as_bytes(value.letters);
    to.insert(to.end(), bytes.begin(), bytes.end());
  }
  static Result<Roman> decode(ByteView from) {
    Roman value{std::string(as_text(from))};
    if (value.letters.find_first_not_of("IVXLCDM") != std::string::npos) {
      return std::unexpected(Error{Code::kCorrupt, "no Roman numeral"});
    }
    return value;
  }
  static void print(const Roman& value, std::string& to) { to += "\"" + value.letters + "\""; }
};

namespace {

template <class S>
Bytes encoded(const S& state) {
  const StateType type = state_type_of<S>();
  return StateBox(type, &state).encoded();
}
template <class S>
Result<S> decoded(ByteView bytes) {
  const StateType type = state_type_of<S>();
  StateBox box(type);
  STELE_DO(box.decode(bytes));
  return *static_cast<const S*>(box.data());
}
template <class S>
std::string printed(const S& state) {
  const StateType type = state_type_of<S>();
  return StateBox(type, &state).print();
}
Bytes hex(std::string_view text) {
  Bytes bytes;
  for (std::size_t at = 0; at + 1 < text.size(); at += 2) {
    bytes.push_back(
        static_cast<std::byte>(std::stoi(std::string(text.substr(at, 2)), nullptr, 16)));
  }
  return bytes;
}

Plane plane() {
  return {.miles = 1234,
          .airborne = true,
          .fuel = 0.25,
          .where = "JFK",
          .last = Stop{"SEA", 45},
          .stops = {{"BOS", 1}, {"LAX", -2}},
          .visits = {{"BOS", 3}, {"ATL", 1}},
          .days = {7, -1},
          .names = {{"b", 2}, {"a", 1}},
          .numbers = {3, 1, 2},
          .code = {1, 2, 3},
          .note = std::string("n"),
          .delay = std::chrono::milliseconds(1500),
          .raw = hex("00ff")};
}

TEST(StateCodec, BytesOfEveryKindAreThese) {
  EXPECT_EQ(encoded(plane()),
            hex("d204000000000000"  // miles
                "01"                // airborne
                "000000000000d03f"  // fuel
                "034a464b"          // where
                "0103534541"
                "2d000000"  // last
                "0203424f53"
                "01000000"
                "034c4158"
                "feffffff"
                "020341544c"
                "0100000000000000"
                "03424f53"
                "0300000000000000"
                "02ffffffff"
                "07000000"  // days
                "020161"
                "01000000"
                "0162"
                "02000000"
                "0301000000"
                "02000000"
                "03000000"
                "010203"            // code
                "02016e"            // note
                "dc05000000000000"  // delay
                "0200ff"));
}

TEST(StateCodec, DecodesWhatItEncoded) {
  const Bytes bytes = encoded(plane());
  const Plane again = decoded<Plane>(bytes).value();
  EXPECT_EQ(encoded(again), bytes);
  EXPECT_EQ(again.stops, plane().stops);
  EXPECT_EQ(again.visits, plane().visits);
  EXPECT_EQ(again.note, plane().note);
}

TEST(StateCodec, EveryCutAndEveryByteMoreIsCorrupt) {
  Bytes bytes = encoded(plane());
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    const auto cut = decoded<Plane>(ByteView(bytes).first(size));
    ASSERT_FALSE(cut) << size;
    EXPECT_EQ(cut.error().code, Code::kCorrupt);
  }
  bytes.push_back(std::byte{0});
  EXPECT_FALSE(decoded<Plane>(bytes));
}

TEST(StateCodec, OtherBytesThanTheEncodersAreCorrupt) {
  struct Case {
    const char* what;
    Result<void> result;
  };
  struct Flag {
    bool on = false;
  };
  struct Days {
    std::set<std::uint8_t> days;
  };
  struct Names {
    std::vector<std::string> names;
  };
  struct Either {
    std::variant<std::uint8_t, bool> value;
  };
  const auto refused = [](auto result) {
    return result ? Result<void>() : Result<void>(std::unexpected(result.error()));
  };
  const Case cases[] = {
      {"a bool of 2", refused(decoded<Flag>(hex("02")))},
      {"keys that descend", refused(decoded<Days>(hex("020201")))},
      {"a key twice", refused(decoded<Days>(hex("020101")))},
      {"more elements than bytes", refused(decoded<Names>(hex("ffffffff0f00")))},
      {"a text longer than the rest", refused(decoded<Names>(hex("01056161")))},
      {"a varint of 11 bytes", refused(decoded<Names>(hex("8080808080808080808001")))},
      {"a varint with a 0 at its end", refused(decoded<Names>(hex("8000")))},
      {"a variant that is not", refused(decoded<Either>(hex("0200")))},
      {"a varint beyond its integer", refused(decoded<Counter>(hex("00ffffffff1f")))},
      {"its own decode() says no", refused(decoded<Roman>(hex("41")))},
      {"a nested one says no", refused(decoded<Pages>(hex("01410141")))},
      {"a message says no", refused(decoded<Message>(hex("41")))},
      {"memory of another size", refused(decoded<Opaque>(hex("0000")))},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.what);
    ASSERT_FALSE(c.result);
    EXPECT_EQ(c.result.error().code, Code::kCorrupt);
  }
}

TEST(StateCodec, AFailedDecodeLeavesAStateThatCanBeUsed) {
  const StateType type = state_type_of<Plane>();
  StateBox box(type);
  const Bytes bytes = encoded(plane());
  ASSERT_TRUE(box.decode(bytes));
  EXPECT_FALSE(box.decode(ByteView(bytes).first(20)));
  ASSERT_TRUE(box.decode(bytes));
  EXPECT_EQ(box.encoded(), bytes);
}

TEST(StateCodec, NestingHasAnEnd) {
  Node node;
  for (int depth = 0; depth < 60; ++depth) node = Node{{node}};
  EXPECT_EQ(encoded(decoded<Node>(encoded(node)).value()), encoded(node));
  EXPECT_FALSE(decoded<Node>(Bytes(100'000, std::byte{1})));
}

TEST(StateCodec, VarintsAreShort) {
  EXPECT_EQ(encoded(Counter{.count = -1, .errors = 300}), hex("01ac02"));
  for (const std::int64_t count :
       {std::int64_t{0}, std::int64_t{63}, std::int64_t{-64}, std::int64_t{64},
        std::numeric_limits<std::int64_t>::max(), std::numeric_limits<std::int64_t>::min()}) {
    EXPECT_EQ(decoded<Counter>(encoded(Counter{.count = count})).value().count, count);
  }
  EXPECT_EQ(decoded<Counter>(hex("0000")).value().hidden, "not kept");
}

TEST(StateCodec, PaddingIsNotEncoded) {
  alignas(Padded) std::array<std::byte, sizeof(Padded)> first;
  alignas(Padded) std::array<std::byte, sizeof(Padded)> second;
  first.fill(std::byte{0xaa});
  second.fill(std::byte{0x55});
  const StateType type = state_type_of<Padded>();
  EXPECT_TRUE(type.trivial);
  for (auto* memory : {&first, &second}) {
    type.construct(memory->data());
    reinterpret_cast<Padded*>(memory->data())->big = 5;
  }
  Bytes left;
  Bytes right;
  type.encode(first.data(), left);
  type.encode(second.data(), right);
  EXPECT_EQ(left, right);
  EXPECT_EQ(left.size(), 9U);
}

TEST(StateCodec, OwnCodecsMessagesAndMemory) {
  EXPECT_EQ(encoded(Roman{"XIV"}), hex("584956"));
  EXPECT_EQ(encoded(Pages{{"I"}, {"X"}}), hex("01490158"));
  EXPECT_EQ(decoded<Pages>(hex("01490158")).value().last.letters, "X");
  EXPECT_EQ(encoded(Message{"hi"}), hex("6d6869"));
  EXPECT_EQ(decoded<Message>(hex("6d6869")).value().value, "hi");
  EXPECT_EQ(encoded(Opaque(5)), hex("0500000000000000"));
  EXPECT_EQ(decoded<Opaque>(hex("0500000000000000")).value().value(), 5);
}

TEST(StateCodec, ShapeNamesFieldsAndKinds) {
  EXPECT_EQ(state_type_of<Plane>().shape,
            "{miles: i64, airborne: bool, fuel: f64, where: text, "
            "last: optional<{airport: text, minutes: i32}>, "
            "stops: list<{airport: text, minutes: i32}>, visits: map<text, i64>, days: set<i32>, "
            "names: map<text, i32>, numbers: set<i32>, code: array<u8, 3>, "
            "note: variant<{}, i64, text>, delay: i64, raw: bytes}");
  EXPECT_EQ(state_type_of<Counter>().shape, "{n: varint i64, errors: varint u32}");
  EXPECT_EQ(state_type_of<Roman>().shape, "roman numeral");
  EXPECT_EQ(state_type_of<Message>().shape, "protobuf shop.Message");
  EXPECT_EQ(state_type_of<Opaque>().shape, "raw<8, 8>");
  EXPECT_EQ(state_type_of<Node>().shape, "{children: list<{…}>}");
}

TEST(StateCodec, PrintsJson) {
  EXPECT_EQ(printed(plane()),
            R"({"miles":1234,"airborne":true,"fuel":0.25,"where":"JFK",)"
            R"("last":{"airport":"SEA","minutes":45},)"
            R"("stops":[{"airport":"BOS","minutes":1},{"airport":"LAX","minutes":-2}],)"
            R"("visits":{"ATL":1,"BOS":3},"days":[-1,7],"names":{"a":1,"b":2},"numbers":[1,2,3],)"
            R"("code":[1,2,3],"note":"n","delay":1500,"raw":"00ff"})");
  EXPECT_EQ(printed(Pages{{"I"}, {"X"}}), R"({"first":"I","last":"X"})");
  EXPECT_EQ(printed(Message{"hi"}), R"("value: \"hi\"")");
  EXPECT_EQ(printed(Stop{std::string("a\"\\\n\t\x01\xc3\xa9\xff", 9), 0}),
            "{\"airport\":\"a\\\"\\\\\\n\\t\\u0001\xc3\xa9\xef\xbf\xbd\",\"minutes\":0}");
}

TEST(StateBox, CopiesMovesAndAssigns) {
  const StateType type = state_type_of<Plane>();
  const Plane original = plane();
  StateBox box(type, &original);
  StateBox copy = box;
  static_cast<Plane*>(copy.data())->where = "elsewhere";
  EXPECT_EQ(static_cast<Plane*>(box.data())->where, "JFK");
  StateBox moved = std::move(copy);
  EXPECT_EQ(static_cast<Plane*>(moved.data())->where, "elsewhere");
  moved = box;
  EXPECT_EQ(moved.encoded(), box.encoded());
}

TEST(StateType, MoveLeavesNothingBehind) {
  const StateType type = state_type_of<Plane>();
  alignas(Plane) std::array<std::byte, sizeof(Plane)> from;
  alignas(Plane) std::array<std::byte, sizeof(Plane)> to;
  const Plane original = plane();
  type.copy(from.data(), &original);
  type.move(to.data(), from.data());
  Bytes bytes;
  type.encode(to.data(), bytes);
  EXPECT_EQ(bytes, encoded(original));
  type.destroy(to.data());
}

}  // namespace
}  // namespace stele::projections
