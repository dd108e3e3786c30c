#include "server/http/target.h"

#include <gtest/gtest.h>

namespace stele::http::test {
namespace {

using Segments = std::vector<std::string>;

TEST(Target, PathIsCutBeforeItIsDecoded) {
  struct Case {
    const char* target;
    Segments segments;
  };
  for (const Case& c :
       {Case{"/", {""}}, Case{"/v1/topics", {"v1", "topics"}},
        Case{"/streams/a%2Fb", {"streams", "a/b"}}, Case{"/streams/", {"streams", ""}},
        Case{"/streams/%00%ff%25", {"streams", std::string("\0\xff%", 3)}}, Case{"/a+b", {"a+b"}},
        Case{"http://host:1/x?y", {"x"}}, Case{"http://host", {""}}}) {
    SCOPED_TRACE(c.target);
    const auto parsed = parse_target(c.target);
    ASSERT_TRUE(parsed);
    EXPECT_EQ(parsed->segments, c.segments);
  }
}

TEST(Target, QueryGivesNamesAndValuesInOrder) {
  const auto parsed = parse_target("/x?tag=a&tag=b%26c&&follow&type=x+y");
  ASSERT_TRUE(parsed);
  const std::vector<std::pair<std::string, std::string>> wanted = {
      {"tag", "a"}, {"tag", "b&c"}, {"follow", ""}, {"type", "x y"}};
  EXPECT_EQ(parsed->query, wanted);
  ASSERT_NE(parsed->parameter("tag"), nullptr);
  EXPECT_EQ(*parsed->parameter("tag"), "a");
  EXPECT_EQ(parsed->parameter("none"), nullptr);
}

TEST(Target, WhatIsNoTargetIsInvalid) {
  std::string many = "/x?";
  for (std::size_t i = 0; i <= kQueryParametersMax; ++i) many += "a=1&";
  for (const std::string& target :
       {std::string("*"), std::string("x"), std::string("/%"), std::string("/%4"),
        std::string("/%gg"), std::string("/x?a=%1"), many}) {
    SCOPED_TRACE(target);
    EXPECT_EQ(parse_target(target).error().code, Code::kInvalid);
  }
}

TEST(Target, WhatIsEncodedReadsBack) {
  std::string all;
  for (int byte = 0; byte < 256; ++byte) all += static_cast<char>(byte);
  const std::string encoded = percent_encoded(all);
  EXPECT_EQ(encoded.find('/'), std::string::npos);
  EXPECT_EQ(percent_decoded(encoded, false), all);
}

TEST(Target, Base64UrlReadsAnyBytes) {
  struct Case {
    const char* text;
    std::string bytes;
  };
  for (const Case& c : {Case{"", ""}, Case{"_w", "\xff"}, Case{"_w==", "\xff"},
                        Case{"-_8", "\xfb\xff"}, Case{"QUJD", "ABC"}}) {
    EXPECT_EQ(base64url_decoded(c.text), c.bytes) << c.text;
  }
  for (const char* text : {"A", "AB+D", "AB/D", "_x", "QUJDR"}) {
    EXPECT_FALSE(base64url_decoded(text)) << text;
  }
}

}  // namespace
}  // namespace stele::http::test
