// What an index was told, in a map, and the index beside it: adds, cuts, merges, restarts; expect_*
// compare all that it answers. Thread: one.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "log/index/term_index.h"
#include "tests/support/sim_env.h"

namespace stele::log {

inline constexpr const char* kIndexFolder = "/data/index";

inline Uuid test_store() {
  return Uuid::from_random(0x1122334455667788, 0x99aabbccddeeff00);
}
inline Uuid test_topic(std::uint64_t n) {
  return Uuid::from_random(n + 1, n + 100);
}

/// A term as the model knows it.
struct ModelTerm {
  TermKind kind = TermKind::kStream;
  std::uint64_t topic = 0;  // ignored where the kind has none
  std::string bytes;
  friend auto operator<=>(const ModelTerm&, const ModelTerm&) = default;

  [[nodiscard]] Term term(const TermHasher& hasher) const {
    switch (kind) {
      case TermKind::kStream:
        return hasher.stream(test_topic(topic), as_bytes(bytes));
      case TermKind::kType:
        return hasher.type(bytes);
      case TermKind::kTag:
        return hasher.tag(bytes);
      case TermKind::kEventId:
        return hasher.event_id(test_topic(topic), bytes);
    }
    return {};
  }
};

struct ModelRecord {
  std::vector<ModelTerm> terms;
};

class IndexModel {
public:
  struct Events {
    std::vector<Position> positions;
    std::int32_t partition = 0;
  };

  [[nodiscard]] const std::map<ModelTerm, Events>& terms() const { return terms_; }
  [[nodiscard]] Position end() const { return end_; }

  /// One batch of one topic, at the end.
  void add(std::uint64_t topic, std::vector<ModelRecord> records, std::int32_t partition) {
    for (std::size_t i = 0; i < records.size(); ++i) {
      const Position position = end_.next(static_cast<std::int64_t>(i));
      for (ModelTerm term : records[i].terms) {
        term.topic = has_topic(term.kind) ? topic : 0;
        Events& events = terms_[term];
        if (events.positions.empty() || events.positions.back() != position)
          events.positions.push_back(position);
        events.partition = partition;
      }
    }
    const auto count = static_cast<std::int64_t>(records.size());
    batches_.push_back({end_, topic, std::move(records), partition});
    end_ = end_.next(count);
  }
  /// Tells the index of everything from its indexed_to() on; of the last batch alone if it knows
  /// the others.
  void replay(TermIndex& index, Position from) const {
    auto batch = std::ranges::lower_bound(batches_, from, {}, &Batch::first);
    for (; batch != batches_.end(); ++batch) {
      BatchTerms terms(index.hasher(), test_topic(batch->topic));
      for (std::size_t i = 0; i < batch->records.size(); ++i) {
        for (const ModelTerm& term : batch->records[i].terms)
          terms.add(static_cast<std::int32_t>(i), term.kind, as_bytes(term.bytes));
      }
      index.add(terms, batch->first, batch->partition);
      index.advance(batch->first.next(static_cast<std::int64_t>(batch->records.size())));
    }
  }

  void expect_term(const TermIndex& index, const ModelTerm& model) const {
    SCOPED_TRACE("kind " + std::to_string(static_cast<int>(model.kind)) + " " +
                 model.bytes.substr(0, 40));
    const Term term = model.term(index.hasher());
    const auto found = terms_.find(model);
    const auto head = index.head(term.view());
    ASSERT_TRUE(head.has_value()) << head.error().text();
    ASSERT_EQ(head->has_value(), found != terms_.end());
    if (found == terms_.end()) return;
    const std::vector<Position>& positions = found->second.positions;
    EXPECT_EQ(**head, (TermHead{.count = std::ssize(positions),
                                .last = positions.back(),
                                .partition = found->second.partition}));
    EXPECT_FALSE(index.certainly_none_from(term.view(), positions.back()));
    EXPECT_TRUE(index.certainly_none_from(term.view(), end_));
    expect_postings(index, term, positions);
  }
  void expect_all(const TermIndex& index) const {
    for (const auto& [term, events] : terms_) {
      expect_term(index, term);
      if (testing::Test::HasFatalFailure()) return;
    }
  }
  /// Listings give every term of a kind and topic once, with its head.
  void expect_listings(const TermIndex& index) const {
    for (const TermKind kind :
         {TermKind::kStream, TermKind::kType, TermKind::kTag, TermKind::kEventId}) {
      for (std::uint64_t topic = 0; topic < (has_topic(kind) ? 3u : 1u); ++topic)
        expect_listing(index, kind, topic);
    }
  }

private:
  struct Batch {
    Position first;
    std::uint64_t topic;
    std::vector<ModelRecord> records;
    std::int32_t partition;
  };

  static std::vector<Posting> numbered(const std::vector<Position>& positions) {
    std::vector<Posting> out;
    for (const Position position : positions) out.push_back({position, std::ssize(out)});
    return out;
  }

  static void expect_postings(const TermIndex& index, const Term& term,
                              const std::vector<Position>& positions) {
    const std::vector<Posting> all = numbered(positions);
    auto opened = index.postings(term.view());
    ASSERT_TRUE(opened.has_value()) << opened.error().text();
    PostingReader& reader = **opened;
    EXPECT_EQ(reader.count(), std::ssize(all));
    // From the middle and the ends, in pages of several sizes.
    const std::size_t middle = all.size() / 2;
    for (const std::size_t at : {std::size_t{0}, middle, all.size() - 1}) {
      for (const std::size_t max : {std::size_t{1}, std::size_t{3}, all.size() + 1}) {
        const auto begin = all.begin() + static_cast<std::ptrdiff_t>(at);
        const auto forward = reader.forward(all[at].position, max);
        ASSERT_TRUE(forward.has_value()) << forward.error().text();
        const auto after = std::min(max, all.size() - at);
        EXPECT_EQ(*forward,
                  std::vector<Posting>(begin, begin + static_cast<std::ptrdiff_t>(after)));
        const auto backward = reader.backward(all[at].position, max);
        ASSERT_TRUE(backward.has_value()) << backward.error().text();
        std::vector<Posting> before(all.begin(), begin);
        std::ranges::reverse(before);
        before.resize(std::min(max, at));
        EXPECT_EQ(*backward, before);
      }
      const auto numbered = reader.at_number(static_cast<std::int64_t>(at));
      ASSERT_TRUE(numbered.has_value() && numbered->has_value());
      EXPECT_EQ(**numbered, all[at]);
    }
    EXPECT_EQ(*reader.at_number(std::ssize(all)), std::nullopt);
    EXPECT_EQ(*reader.backward(Position(INT64_MAX), 1), std::vector<Posting>{all.back()});
    EXPECT_TRUE(reader.forward(all.back().position.next(), 10)->empty());
  }

  void expect_listing(const TermIndex& index, TermKind kind, std::uint64_t topic) const {
    std::map<std::string, TermHead> listed;
    const auto done =
        index.for_each(kind, has_topic(kind) ? test_topic(topic) : Uuid{},
                       [&](const TermView& term, const TermHead& head) {
                         EXPECT_TRUE(listed.emplace(std::string(as_text(term.bytes)), head).second);
                         return true;
                       });
    ASSERT_TRUE(done.has_value()) << done.error().text();
    std::map<std::string, TermHead> expected;
    for (const auto& [term, events] : terms_) {
      if (term.kind != kind || (has_topic(kind) && term.topic != topic)) continue;
      const Term made = term.term(index.hasher());
      expected[std::string(as_text(made.bytes))] = {.count = std::ssize(events.positions),
                                                    .last = events.positions.back(),
                                                    .partition = events.partition};
    }
    EXPECT_TRUE(listed == expected) << listed.size() << " listed of " << expected.size();
  }

  std::map<ModelTerm, Events> terms_;
  std::vector<Batch> batches_;
  Position end_;
};

inline std::uint64_t seed_or(std::uint64_t otherwise) {
  const char* text = std::getenv("STELE_SEED");
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

/// Upkeep until nothing is due any more but what waits for a quiet while.
inline void settle(SimEnv& env, TermIndex& index, Position durable, Position ids_from = {}) {
  for (int i = 0; i < 3; ++i) {
    index.upkeep(durable, ids_from);
    while (index.running()) env.wait(std::chrono::milliseconds(1));
  }
}

/// Records as they come: hot and cold streams, a few types, tags, ids, some very long keys.
inline std::vector<ModelRecord> random_records(SimRandom& random, std::uint64_t streams) {
  std::vector<ModelRecord> records(1 + random.below(12));
  for (ModelRecord& record : records) {
    if (random.chance(10)) continue;  // a record without terms
    const std::uint64_t stream = random.chance(40) ? random.below(3) : random.below(streams);
    std::string key = "stream-" + std::to_string(stream);
    if (stream % 50 == 7) key += std::string(60 + stream * 20, 'x');
    record.terms.push_back({TermKind::kStream, 0, key});
    if (random.chance(70))
      record.terms.push_back({TermKind::kType, 0, "type" + std::to_string(random.below(3))});
    for (std::uint64_t tags = random.below(3); tags > 0; --tags)
      record.terms.push_back({TermKind::kTag, 0, "tag:" + std::to_string(random.below(40))});
    if (random.chance(20))
      record.terms.push_back({TermKind::kEventId, 0, "id" + std::to_string(random.below(100'000))});
  }
  return records;
}

}  // namespace stele::log
