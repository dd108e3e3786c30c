#include <gtest/gtest.h>

#include <map>
#include <unordered_map>

#include "projections/fold/event_traits.h"

namespace stele::projections {
namespace {

enum class Colour : std::uint8_t { kRed, kGreen };
struct Line {
  std::string sku;
  std::int32_t quantity = 0;
};
struct Everything {
  bool yes = false;
  std::int8_t small = 0;
  std::uint16_t port = 0;
  std::int64_t big = 0;
  std::uint64_t huge = 0;
  float half = 0;
  double ratio = 0;
  Colour colour = Colour::kRed;
  std::string text;
  std::optional<std::int64_t> maybe;
  std::optional<Line> line;
  std::vector<std::string> tags;
  std::vector<Line> lines;
  std::map<std::string, std::int64_t> counts;
};
struct Renamed {
  std::int64_t at_ms = 0;
  std::string ignored = "untouched";
};
struct Viewed {
  std::string_view name;
  std::int64_t cents = 0;
};
struct Nothing {};
struct Note {
  std::string text;
};
struct Blob {
  ByteView bytes;
};
/// As a Protobuf message looks from outside.
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
  std::string value;
};

}  // namespace

template <>
struct event_traits<Everything> : json_event<"Everything"> {};
template <>
struct event_traits<Renamed> : json_event<"Renamed", field<"at", &Renamed::at_ms>> {};
template <>
struct event_traits<Viewed> : json_event<"Viewed"> {};
template <>
struct event_traits<Nothing> : json_event<"Nothing"> {};
template <>
struct event_traits<Note> : text_event<"Note", &Note::text> {};
template <>
struct event_traits<Blob> : bytes_event<"Blob", &Blob::bytes> {};
template <>
struct event_traits<Message> : protobuf_event<Message, "Message"> {};

namespace {

template <class E>
Result<E> decode(std::string_view data) {
  return decode_event<E>({.data = as_bytes(data)});
}

template <class E>
std::string encoded(const E& event) {
  return std::string(as_text(*new_event(event).data));
}

constexpr std::string_view kEverything =
    R"({"yes":true,"small":-5,"port":65535,"big":-9007199254740993,"huge":18446744073709551615,)"
    R"("half":0.5,"ratio":1e-3,"colour":1,"text":"caf\u00e9 \"x\"\n","maybe":7,)"
    R"("line":{"sku":"s","quantity":2},"tags":["a","b"],"lines":[{"sku":"t","quantity":3}],)"
    R"("counts":{"x":1,"y":2}})";

TEST(JsonEvent, ReadsEveryKindOfMember) {
  const Everything e = decode<Everything>(kEverything).value();
  EXPECT_TRUE(e.yes);
  EXPECT_EQ(e.small, -5);
  EXPECT_EQ(e.port, 65535);
  EXPECT_EQ(e.big, -9007199254740993);
  EXPECT_EQ(e.huge, 18446744073709551615U);
  EXPECT_EQ(e.half, 0.5F);
  EXPECT_EQ(e.ratio, 1e-3);
  EXPECT_EQ(e.colour, Colour::kGreen);
  EXPECT_EQ(e.text, "caf\u00e9 \"x\"\n");
  EXPECT_EQ(e.maybe, 7);
  EXPECT_EQ(e.line->quantity, 2);
  EXPECT_EQ(e.tags, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(e.lines.at(0).sku, "t");
  EXPECT_EQ(e.counts, (std::map<std::string, std::int64_t>{{"x", 1}, {"y", 2}}));
}

TEST(JsonEvent, WritesWhatItReads) {
  const std::string text = encoded(decode<Everything>(kEverything).value());
  EXPECT_EQ(encoded(decode<Everything>(text).value()), text);
  EXPECT_EQ(encoded(Viewed{"a", 5}), R"({"name":"a","cents":5})");
  EXPECT_EQ(new_event(Viewed{}).content_type, "application/json");
  EXPECT_EQ(new_event(Viewed{}).type, "Viewed");
}

TEST(JsonEvent, NamesWhatIsMissingOrMistyped) {
  struct Case {
    const char* data;
    const char* error;
  };
  const Case cases[] = {
      {R"({"cents":1})", "Viewed: name is missing"},
      {R"({"name":"a"})", "Viewed: cents is missing"},
      {R"({"name":"a","cents":null})", "Viewed: cents is null, not an integer"},
      {R"({"name":"a","cents":1.5})", "Viewed: cents is a number, not an integer"},
      {R"({"name":"a","cents":true})", "Viewed: cents is a bool, not an integer"},
      {R"({"name":"a","cents":"1x"})", "Viewed: cents is a string, not an integer"},
      {R"({"name":"a","cents":9223372036854775808})", "Viewed: cents is a number, not an integer"},
      {R"({"name":5,"cents":1})", "Viewed: name is a number, not a string"},
      {R"({"name":["a"],"cents":1})", "Viewed: name is an array, not a string"},
      {R"(["name"])", "Viewed: the data is no JSON object"},
      {"", "Viewed: the data is no JSON object"},
      {R"({"name":"a","cents":1)", "Viewed: "},
      {R"({"name":"a" "cents":1})", "Viewed: "},
      {R"({"name":"a","cents":1} {})", "Viewed: something stands behind the JSON object"},
      {"{\"name\":\"\xff\",\"cents\":1}", "Viewed: the data is no JSON object"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.data);
    const auto decoded = decode<Viewed>(c.data);
    ASSERT_FALSE(decoded);
    EXPECT_EQ(decoded.error().code, Code::kInvalid);
    EXPECT_TRUE(decoded.error().detail.starts_with(c.error)) << decoded.error().detail;
  }
  EXPECT_EQ(decode_event<Viewed>({}).error().detail, "Viewed: the event has no data");
}

TEST(JsonEvent, NamesThePlaceWithinWhatIsNested) {
  struct Case {
    const char* was;
    const char* is;
    const char* error;
  };
  const Case cases[] = {
      {R"([{"sku":"t","quantity":3}])", R"([{"sku":"t","quantity":3},{"sku":"u","quantity":"v"}])",
       "Everything: lines[1].quantity is a string, not an integer"},
      {R"("line":{"sku":"s","quantity":2})", R"("line":{"sku":"s"})",
       "Everything: line.quantity is missing"},
      {R"({"x":1,)", R"({"x":{},)", "Everything: counts.x is an object, not an integer"},
      {R"(["a","b"])", R"(["a",1])", "Everything: tags[1] is a number, not a string"},
      {R"("small":-5)", R"("small":-129)", "Everything: small is out of its type's range"},
      {R"("port":65535)", R"("port":-1)", "Everything: port is a number, not an integer"},
      {R"("yes":true)", R"("yes":"true")", "Everything: yes is a string, not a bool"},
      {R"("ratio":1e-3)", R"("ratio":[])", "Everything: ratio is an array, not a number"},
      {R"("lines":[)", R"("lines":7,"x":[)", "Everything: lines is a number, not an array"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.is);
    std::string data(kEverything);
    data.replace(data.find(c.was), std::string_view(c.was).size(), c.is);
    EXPECT_EQ(decode<Everything>(data).error().detail, c.error);
  }
}

TEST(JsonEvent, OptionalIsNullOrAbsent) {
  std::string data(kEverything);
  const std::string line = R"("line":{"sku":"s","quantity":2},)";
  data.erase(data.find(line), line.size());
  data.replace(data.find(R"("maybe":7)"), 9, R"("maybe":null)");
  const Everything e = decode<Everything>(data).value();
  EXPECT_FALSE(e.maybe);
  EXPECT_FALSE(e.line);
}

TEST(JsonEvent, TakesMembersInAnyOrderPassesUnknownOnesAndTheLastOfTwoCounts) {
  const auto e = decode<Viewed>(
      R"( {"x":[{"cents":3},{}],"cents":1,"na\u006de":"b","y":{"name":1},"cents":"500"} )");
  ASSERT_TRUE(e) << e.error().text();
  EXPECT_EQ(e->name, "b");
  EXPECT_EQ(e->cents, 500);
}

TEST(JsonEvent, ReadsTheMembersThatAreNamed) {
  const Renamed e = decode<Renamed>(R"({"at":5,"ignored":"changed","at_ms":6})").value();
  EXPECT_EQ(e.at_ms, 5);
  EXPECT_EQ(e.ignored, "untouched");
  EXPECT_EQ(encoded(e), R"({"at":5})");
}

TEST(JsonEvent, WithoutMembersLooksAtNoData) {
  EXPECT_TRUE(decode<Nothing>("whatever"));
  EXPECT_TRUE(decode_event<Nothing>({}));
  EXPECT_EQ(encoded(Nothing{}), "{}");
}

TEST(JsonEvent, DataOfAnySizeAndAlignmentIsRead) {
  for (std::size_t size = 0; size < 200; ++size) {
    const std::string name(size, 'n');
    const std::string data = R"({"name":")" + name + R"(","cents":1})";
    // A copy of exactly this size: a byte read behind it is one that a sanitizer sees.
    const Bytes exact(as_bytes(data).begin(), as_bytes(data).end());
    EXPECT_EQ(decode_event<Viewed>({.data = exact}).value().name, name);
  }
  const std::string long_name(5 << 20, 'x');
  EXPECT_EQ(decode<Viewed>(R"({"cents":1,"name":")" + long_name + R"("})").value().name, long_name);
}

TEST(OtherEvents, TextBytesAndMessagesStandInTheData) {
  EXPECT_EQ(decode<Note>("caf\u00e9").value().text, "caf\u00e9");
  EXPECT_EQ(new_event(Note{"x"}).content_type, "text/plain; charset=utf-8");
  EXPECT_EQ(encoded(Note{"x"}), "x");
  EXPECT_EQ(as_text(decode<Blob>("123").value().bytes), "123");
  EXPECT_EQ(decode<Message>("mhello").value().value, "hello");
  EXPECT_EQ(encoded(decode<Message>("mhello").value()), "mhello");
  EXPECT_EQ(decode<Message>("bad").error().detail, "Message: the data is not a Protobuf message");
  EXPECT_EQ(decode_event<Note>({}).error().detail, "Note: the event has no data");
  EXPECT_EQ(decode_event<Message>({}).error().detail, "Message: the event has no data");
}

}  // namespace
}  // namespace stele::projections
