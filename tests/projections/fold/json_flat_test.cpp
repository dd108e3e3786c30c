#include "projections/fold/json_flat.h"

#include <gtest/gtest.h>

#include "projections/fold/event_traits.h"

namespace stele::projections {
namespace {

struct Flat {
  std::int64_t cents = 0;
  std::uint8_t port = 0;
  double rate = 0;
  bool paid = false;
  std::string_view name;
  std::optional<std::string> note;
};

std::string printed(const Flat& flat) {
  std::string text;
  detail::print_json(flat, text);
  return text;
}

/// The members' values, the rest as in a whole event.
std::string event(std::string_view name, std::string_view value) {
  std::string text = R"({"cents":1,"port":2,"rate":0.5,"paid":true,"name":"n","note":null})";
  const std::string member = "\"" + std::string(name) + "\":";
  const std::size_t at = text.find(member) + member.size();
  return text.replace(at, text.find_first_of(",}", at) - at, value);
}

TEST(JsonFlat, TakesWhatIsPlainAndReadsItAsTheCheckedWayDoes) {
  for (const std::string& text : {
           event("cents", "-0"),
           event("cents", "-123456789012345678"),
           event("port", "255"),
           event("rate", "123456789.012345"),
           event("rate", "-0.000001"),
           event("rate", "7"),
           event("paid", "false"),
           event("name", "\"\""),
           event("name", "\"12345678\""),
           event("name", "\"seven b {}[],:\""),
           event("note", "\"a long text of more than eight bytes\""),
           event("note", "null , \"cents\" : 5"),
           event("note", "null,\"else\":{\"a\":[1,\"]\",{}],\"b\":[[]]},\"more\":-1.5e+3"),
           " \t" + event("cents", " 1\n") + "\r\n",
           event("note", "null").replace(event("note", "null").find(",\"note\":null"), 12, ""),
       }) {
    SCOPED_TRACE(text);
    Flat quick;
    Flat checked;
    ASSERT_TRUE(detail::decode_flat(detail::kJsonType<Flat>, text, &quick));
    ASSERT_TRUE(
        detail::decode_json_checked(detail::kJsonType<Flat>, "Flat", as_bytes(text), &checked));
    EXPECT_EQ(printed(quick), printed(checked));
  }
}

TEST(JsonFlat, LeavesAllElseToTheCheckedWay) {
  const std::string whole = event("cents", "1");
  for (const std::string& text : {
           event("cents", "01"),
           event("cents", "1.0"),
           event("cents", "1e3"),
           event("cents", "1234567890123456789"),
           event("cents", "\"5\""),
           event("cents", "null"),
           event("cents", "-"),
           event("port", "256"),
           event("port", "-1"),
           event("rate", "1e3"),
           event("rate", ".5"),
           event("rate", "5."),
           event("rate", "1.2345678901234567"),
           event("paid", "truth"),
           event("paid", "1"),
           event("name", "\"caf\xc3\xa9\""),
           event("name", "\"12345678\\n\""),
           event("name", "\"tab\there\""),
           event("name", "null"),
           event("note", "null,\"else\":[1"),
           event("note", "null,\"else\":{1:2}"),
           event("note", "null,\"else\":word"),
           event("note", "null,"),
           whole + "x",
           whole.substr(0, whole.size() - 1),
           "[" + whole + "]",
           std::string(R"({"cents":1})"),
           std::string("{}"),
           std::string(),
       }) {
    SCOPED_TRACE(text);
    Flat flat;
    EXPECT_FALSE(detail::decode_flat(detail::kJsonType<Flat>, text, &flat));
  }
}

TEST(JsonFlat, ReadsNothingBehindTheData) {
  const std::string whole = event("note", "\"a long text of more than eight bytes\"");
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const Bytes exact(as_bytes(whole).begin(), as_bytes(whole).begin() + static_cast<long>(size));
    Flat flat;
    EXPECT_FALSE(detail::decode_flat(detail::kJsonType<Flat>, as_text(exact), &flat)) << size;
  }
}

}  // namespace
}  // namespace stele::projections
