#include "log/events/tags.h"

#include <gtest/gtest.h>

#include <random>

#include "log/events/utf8.h"

namespace stele::log {
namespace {

using Tags = std::vector<std::string>;

Tags parsed(TagList& list, std::string_view text) {
  list.parse(text);
  return {list.tags().begin(), list.tags().end()};
}

TEST(Tags, ListsAreReadAsTheyStand) {
  struct Case {
    const char* name;
    std::string list;
    Tags tags;
  };
  TagList list;
  for (const Case& c : {
           Case{"none", "", {}},
           Case{"blank", " \t ", {}},
           Case{"one", "course:c1", {"course:c1"}},
           Case{"several, in order", "b,a,c", {"b", "a", "c"}},
           Case{"blanks around don't count", " a ,\tb", {"a", "b"}},
           Case{"blanks within do", "a b", {"a b"}},
           Case{"encoded blanks around do", "%20a,b%09", {" a", "b\t"}},
           Case{"a comma and a percent sign", "s%2c7,100%25", {"s,7", "100%"}},
           Case{"twice", "a,b,a", {"a", "b"}},
           Case{"twice, once encoded", "a,%61", {"a"}},
           Case{
               "UTF-8, encoded and not", "caf\xC3\xA9,caf%C3%A9s", {"caf\xC3\xA9", "caf\xC3\xA9s"}},
           Case{"encoded zero byte", "a%00b", {std::string("a\0b", 3)}},
       }) {
    SCOPED_TRACE(c.name);
    EXPECT_TRUE(list.parse(c.list));
    EXPECT_EQ(parsed(list, c.list), c.tags);
  }
}

TEST(Tags, MalformedListsHoldNone) {
  TagList list;
  for (const std::string& text :
       {std::string(","), std::string("a,"), std::string(",a"), std::string("a,,b"),
        std::string("a, ,b"), std::string("%"), std::string("a%2"), std::string("%zz"),
        std::string("%2,a"), std::string("\xFF"), std::string("%ff"), std::string("ok,%C3"),
        std::string(kTagBytesMax + 1, 'x')}) {
    SCOPED_TRACE(text);
    ASSERT_TRUE(list.parse("before"));
    EXPECT_FALSE(list.parse(text));
    EXPECT_TRUE(list.tags().empty());
  }
}

TEST(Tags, AsManyAndAsLongAsTheLimitsSayAreRead) {
  std::string text;
  Tags tags;
  for (std::size_t i = 0; i < kTagCountMax; ++i) {
    tags.push_back(std::to_string(i) + std::string(kTagBytesMax - std::to_string(i).size(), 'x'));
    text += (i == 0 ? "" : ",") + tags.back();
  }
  TagList list;
  EXPECT_EQ(parsed(list, text), tags);
  EXPECT_EQ(parsed(list, text + "," + tags.front()), tags) << "one of them again is not one more";
  EXPECT_FALSE(list.parse(text + ",y"));
  EXPECT_TRUE(check_tags(tags));
  tags.emplace_back("y");
  EXPECT_EQ(check_tags(tags).error().code, Code::kInvalid);
}

TEST(Tags, CheckNamesTheTagAndItsFault) {
  const auto fault = [](const Tags& tags) { return check_tags(tags).error().detail; };
  EXPECT_EQ(fault({"a", ""}), "tag 1 is empty");
  EXPECT_EQ(fault({"\xFF"}), "tag 0 is not UTF-8");
  EXPECT_EQ(fault({std::string(257, 'x')}), "tag 0 has 257 bytes, over 256");
}

TEST(Tags, WhatHasAMeaningIsEncodedAndTheRestIsNot) {
  std::string list;
  append_tags(list, Tags{"course:c1", "a,b", "100%", " x", "caf\xC3\xA9", "q\"q", "n\n"});
  EXPECT_EQ(list, "course:c1,a%2Cb,100%25,%20x,caf\xC3\xA9,q%22q,n%0A");
}

TEST(Tags, RandomTagsReadAsTheyWereWritten) {
  std::mt19937_64 random(7);
  TagList list;
  for (int round = 0; round < 2'000; ++round) {
    Tags tags;
    for (std::size_t count = random() % 6; tags.size() < count;) {
      std::string tag;
      for (std::size_t size = 1 + random() % 12; tag.size() < size;)
        tag.push_back(static_cast<char>(random() % 128));
      if (std::ranges::find(tags, tag) == tags.end()) tags.push_back(tag);
    }
    ASSERT_TRUE(check_tags(tags));
    std::string text;
    append_tags(text, tags);
    ASSERT_EQ(parsed(list, text), tags) << text;
  }
}

TEST(Utf8, IsTakenAsRfc3629SaysIt) {
  for (const char* text : {"", "plain", "\x7F", "\xC2\x80", "\xDF\xBF", "\xE0\xA0\x80",
                           "\xED\x9F\xBF", "\xEE\x80\x80", "\xEF\xBF\xBF", "\xF0\x90\x80\x80",
                           "\xF4\x8F\xBF\xBF", "eight by\xC3\xA9s and more than that"}) {
    EXPECT_TRUE(is_utf8(text)) << text;
  }
  for (const char* text :
       {"\x80", "\xBF", "\xC0\x80", "\xC1\xBF", "\xC2", "\xC2\x41", "\xE0\x9F\xBF", "\xED\xA0\x80",
        "\xED\xBF\xBF", "\xE1\x80", "\xE1\x80\x41", "\xF0\x8F\xBF\xBF", "\xF4\x90\x80\x80",
        "\xF5\x80\x80\x80", "\xF1\x80\x80", "\xFF", "eight bytes, then \xC3"}) {
    EXPECT_FALSE(is_utf8(text)) << text;
  }
}

}  // namespace
}  // namespace stele::log
