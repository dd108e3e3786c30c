#include "server/cloudevents/json_reader.h"

#include <gtest/gtest.h>
#include <simdjson.h>

#include <random>

#include "server/cloudevents/json_writer.h"

namespace stele::cloudevents {
namespace {

std::string fault(std::string_view text) {
  JsonReader in(text);
  in.skip();
  return in.finish() ? "" : in.error().detail;
}

std::string nested(std::size_t depth) {
  return std::string(depth, '[') + std::string(depth, ']');
}

TEST(JsonReader, GoodTextsAreTaken) {
  for (const std::string& text :
       {std::string("null"), std::string("true"), std::string("false"), std::string("0"),
        std::string("-0.5e+10"), std::string("123456789012345678901234567890"),
        std::string("1e308"), std::string("1e-999"), std::string("\"\""), std::string("{}"),
        std::string("[]"), std::string(" [ 1 , { \"a\" : [ ] } ]\r\n\t"),
        std::string(R"("\u0041\n\ud83d\ude00")"), std::string("\"caf\xC3\xA9\""),
        std::string(R"({"a":1,"b":1})"), nested(kJsonDepthMax),
        std::string(400, '9').insert(5, ".")}) {
    EXPECT_EQ(fault(text), "") << text;
  }
}

TEST(JsonReader, FaultsAreNamedWithTheirPlace) {
  struct Case {
    std::string text;
    std::string detail;
  };
  std::string many = "{";
  for (int i = 0; i < 100; ++i) many += fmt::format("\"{}\":0,", i);
  for (const Case& c : {
           Case{"", "(byte 0): the text ends where a value should be"},
           Case{"nul", "(byte 0): not a value"},
           Case{"tru", "(byte 0): not a value"},
           Case{"x", "(byte 0): not a value"},
           Case{"1 2", "(byte 2): something behind the end"},
           Case{"[1,]", "/1 (byte 3): not a value"},
           Case{"[1 2]", "/0 (byte 3): no comma or closing bracket behind the element"},
           Case{R"({"a":1,})", "/ (byte 7): no member's name"},
           Case{R"({"a":1 "b":2})", "/a (byte 7): no comma or closing brace behind the member"},
           Case{R"({"a" 1})", "/a (byte 5): no colon behind the member's name"},
           Case{R"({a:1})", "/ (byte 1): no member's name"},
           Case{R"({"a":[{"x":1},{"y":tru}]})", "/a/1/y (byte 19): not a value"},
           Case{R"({"a/b~":x})", "/a~1b~0 (byte 8): not a value"},
           Case{R"({"a":1,"a":2})", "/a (byte 10): a member of this name was there before"},
           Case{R"({"a":1,"\u0061":2})", "/a (byte 15): a member of this name was there before"},
           Case{many + R"("50":1})", "/50 (byte 698): a member of this name was there before"},
           Case{"01", "(byte 1): something behind the end"},
           Case{"-", "(byte 1): not a number"},
           Case{"1.", "(byte 2): not a number"},
           Case{"1e", "(byte 2): not a number"},
           Case{"+1", "(byte 0): not a value"},
           Case{"1e999", "(byte 5): a number beyond what a double holds"},
           Case{"-1e999", "(byte 6): a number beyond what a double holds"},
           Case{"0.1e99999999999999999999", "(byte 24): a number beyond what a double holds"},
           Case{std::string(400, '9'), "(byte 400): a number beyond what a double holds"},
           Case{"\"a", "(byte 2): the text ends within a string"},
           Case{"\"a\\", "(byte 3): the text ends within a string"},
           Case{"\"\n\"", "(byte 1): a control character in a string"},
           Case{std::string("\"\0\"", 3), "(byte 1): a control character in a string"},
           Case{R"("\x")", "(byte 3): an escape that JSON does not have"},
           Case{R"("\u12")", "(byte 3): the text ends within a string"},
           Case{R"("\u12G4")", "(byte 3): an escape that JSON does not have"},
           Case{R"("\u+123")", "(byte 3): an escape that JSON does not have"},
           Case{R"("\u0000")", "(byte 7): U+0000 in a string"},
           Case{R"("\ud800")", "(byte 7): half of a surrogate pair"},
           Case{R"("\udc00")", "(byte 7): half of a surrogate pair"},
           Case{R"("\ud800\u0041")", "(byte 13): half of a surrogate pair"},
           Case{"\"\xFF\"", "(byte 3): not UTF-8"},
           Case{"{\"\xC3\":1}", "/ (byte 4): not UTF-8"},
           Case{"\"\xED\xA0\x80\"", "(byte 5): not UTF-8"},
           Case{nested(kJsonDepthMax + 1), ""},
           Case{std::string(100'000, '['), ""},
       }) {
    if (c.detail.empty())
      EXPECT_TRUE(fault(c.text).ends_with(": over 64 levels deep")) << fault(c.text);
    else
      EXPECT_EQ(fault(c.text), c.detail) << c.text;
  }
}

TEST(JsonReader, StringsAreDecoded) {
  struct Case {
    const char* text;
    const char* decoded;
  };
  for (const Case& c : {
           Case{R"("plain")", "plain"},
           Case{R"("a longer one, with \"quotes\" in it")", "a longer one, with \"quotes\" in it"},
           Case{R"("\\\/\b\f\n\r\t")", "\\/\b\f\n\r\t"},
           Case{R"("\u00e9\u20AC\ud83D\ude00")", "\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80"},
           Case{R"("")", ""},
       }) {
    JsonReader in(c.text);
    EXPECT_EQ(in.string(), c.decoded);
    EXPECT_TRUE(in.finish());
  }
}

TEST(JsonReader, TheFirstFaultCounts) {
  JsonReader in(R"({"a":1,"b":2})");
  in.enter_object();
  ASSERT_TRUE(in.next_member());
  (void)in.string();
  in.fail("later");
  EXPECT_FALSE(in.next_member());
  EXPECT_FALSE(in.finish());
  EXPECT_EQ(in.error().code, Code::kInvalid);
  EXPECT_EQ(in.error().detail, "/a (byte 5): not a string");
}

/// What stricter rules refuse and simdjson takes, or the other way round.
bool may_differ(const std::string& detail, simdjson::error_code other) {
  return detail.ends_with("there before") || detail.ends_with("U+0000 in a string") ||
         detail.ends_with("levels deep") || other == simdjson::NUMBER_ERROR;
}

TEST(JsonReader, RandomTextsAreTakenAsSimdjsonTakesThem) {
  std::mt19937_64 random(17);
  const std::string seed_text =
      R"({"id":"a\u00e9\n","n":[1,-2.5e3,0,true,null,false,""],"o":{"x":{"y":"caf)"
      "\xC3\xA9"
      R"("}},"s":"\ud83d\ude00 and some more text to be read in words"} )";
  const std::string_view letters = "{}[]\",:\\u0123456789.eE+-truefalsn \xC3\xA9\x01";
  simdjson::dom::parser parser;
  int taken_count = 0;
  for (int i = 0; i < 60'000; ++i) {
    std::string text = seed_text;
    for (std::size_t changes = random() % 3; changes > 0; --changes) {
      const std::size_t at = random() % text.size();
      const char letter = letters[random() % letters.size()];
      if (random() % 3 == 0)
        text.erase(at, 1 + random() % 4);
      else if (random() % 2 == 0)
        text.insert(at, 1, letter);
      else
        text[at] = letter;
      if (text.empty()) text = " ";
    }
    const std::string detail = fault(text);
    const simdjson::error_code other = parser.parse(text).error();
    taken_count += detail.empty() ? 1 : 0;
    if (detail.empty() == (other == simdjson::SUCCESS)) continue;
    ASSERT_TRUE(may_differ(detail, other)) << text << "\n" << detail << "\n" << other;
  }
  EXPECT_GT(taken_count, 20'000);
  EXPECT_LT(taken_count, 50'000);
}

TEST(JsonWriter, StringsAreReadAsTheyWere) {
  std::mt19937_64 random(23);
  for (int i = 0; i < 5'000; ++i) {
    std::string text;
    for (std::size_t size = random() % 40; text.size() < size;)
      text += random() % 8 == 0 ? std::string("\xE2\x82\xAC")
                                : std::string(1, static_cast<char>(1 + random() % 127));
    std::string json;
    write_json_string(text, json);
    JsonReader in(json);
    ASSERT_EQ(in.string(), text);
    ASSERT_TRUE(in.finish());
  }
}

TEST(JsonWriter, BytesThatAreNotUtf8AreReplaced) {
  std::string json;
  write_json_string("a\xFF\xC3\xA9\xED\xA0\x80\xE2\x82z", json);
  EXPECT_EQ(
      json,
      "\"a\xEF\xBF\xBD\xC3\xA9\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBDz\"");
}

TEST(JsonWriter, ControlCharactersAreEscaped) {
  std::string json;
  write_json_string(std::string("\0\x01\x1F\n\"\\", 6), json);
  EXPECT_EQ(json, R"("\u0000\u0001\u001f\n\"\\")");
}

TEST(Base64, IsThatOfRfc4648) {
  for (const auto& [plain, encoded] :
       std::vector<std::pair<std::string, std::string>>{{"", ""},
                                                        {"f", "Zg=="},
                                                        {"fo", "Zm8="},
                                                        {"foo", "Zm9v"},
                                                        {"foobar", "Zm9vYmFy"},
                                                        {"\xFB\xFF", "+/8="}}) {
    std::string out, back;
    append_base64(as_bytes(plain), out);
    EXPECT_EQ(out, encoded);
    EXPECT_TRUE(decode_base64(encoded, back));
    EXPECT_EQ(back, plain);
  }
  for (const char* text :
       {"Zg", "Zg=", "Z===", "====", "Zm9v=", "Zh==", "Zm9=", "Zm 9", "_-8=", "=Zm9"}) {
    std::string back;
    EXPECT_FALSE(decode_base64(text, back)) << text;
  }
}

}  // namespace
}  // namespace stele::cloudevents
