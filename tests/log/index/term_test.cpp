// Terms: what makes two of them the same, hashes, long keys, the terms of a batch.
#include "log/index/term.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>

namespace stele::log {
namespace {

const Uuid kTopic = Uuid::from_random(1, 2);
const Uuid kOther = Uuid::from_random(3, 4);

TEST(Terms, DifferByKindTopicAndBytes) {
  const TermHasher hasher(7);
  const std::vector<Term> terms = {hasher.stream(kTopic, as_bytes("a")),
                                   hasher.stream(kOther, as_bytes("a")),
                                   hasher.stream(kTopic, as_bytes("b")),
                                   hasher.stream(kTopic, as_bytes("")),
                                   hasher.type("a"),
                                   hasher.tag("a"),
                                   hasher.event_id(kTopic, "a"),
                                   hasher.event_id(kOther, "a")};
  std::set<std::uint64_t> hashes;
  for (const Term& term : terms) {
    hashes.insert(term.hash);
    EXPECT_EQ(term.hash, hasher.hash(term.kind, term.topic, term.bytes));
    EXPECT_EQ(std::ranges::count(terms, term), 1);
  }
  EXPECT_EQ(hashes.size(), terms.size());
  EXPECT_TRUE(hasher.type("a").topic.is_zero());
}

TEST(Terms, HashesAreTheStores) {
  EXPECT_NE(TermHasher(7).type("a").hash, TermHasher(8).type("a").hash);
  EXPECT_EQ(TermHasher(7, 0xf).type("a").hash, TermHasher(7).type("a").hash & 0xf);
}

TEST(Terms, LongKeysAreHeldByTheirBeginningAndHashes) {
  const TermHasher hasher(7);
  const std::string longest(kTermBytesMax, 'x');
  EXPECT_EQ(as_text(hasher.stream(kTopic, as_bytes(longest)).bytes), longest);
  const Term one = hasher.stream(kTopic, as_bytes(longest + "1"));
  const Term two = hasher.stream(kTopic, as_bytes(longest + "2"));
  EXPECT_EQ(one.bytes.size(), kTermBytesMax);
  EXPECT_TRUE(as_text(one.bytes).starts_with(longest.substr(0, kTermBytesMax - 32)));
  EXPECT_NE(one.bytes, two.bytes);
  EXPECT_EQ(one, hasher.stream(kTopic, as_bytes(longest + "1")));
  // Both hashes are of the whole key, and differ.
  const ByteView tail = ByteView(one.bytes).last(32);
  EXPECT_FALSE(std::ranges::equal(tail.first(16), tail.last(16)));
}

TEST(BatchTerms, GivesTheSameTermsAsTheHasher) {
  const TermHasher hasher(7);
  BatchTerms terms(hasher, kTopic);
  EXPECT_TRUE(terms.empty());
  const std::string long_key(5000, 'k');
  terms.add(0, TermKind::kStream, as_bytes("s"));
  terms.add(0, TermKind::kType, as_bytes("t"));
  terms.add(3, TermKind::kStream, as_bytes(long_key));
  terms.add(3, TermKind::kEventId, as_bytes("id"));
  ASSERT_EQ(terms.entries().size(), 4u);
  const std::vector<Term> expected = {hasher.stream(kTopic, as_bytes("s")), hasher.type("t"),
                                      hasher.stream(kTopic, as_bytes(long_key)),
                                      hasher.event_id(kTopic, "id")};
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const TermView term = terms.term(terms.entries()[i]);
    EXPECT_EQ((Term{term.kind, term.topic, Bytes(term.bytes.begin(), term.bytes.end()), term.hash}),
              expected[i]);
  }
  EXPECT_EQ(terms.entries()[2].record_index, 3);
  EXPECT_EQ(terms.topic(), kTopic);
}

}  // namespace
}  // namespace stele::log
