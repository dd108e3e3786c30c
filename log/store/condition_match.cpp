#include "log/store/condition_match.h"

#include <algorithm>

namespace stele::log {
namespace {

using Reader = std::unique_ptr<PostingReader>;

// The first position of the reader's at or behind `from`.
Result<std::optional<Position>> first_from(PostingReader& reader, Position from) {
  STELE_TRY(const std::vector<Posting> found, reader.forward(from, 1));
  if (found.empty()) return std::nullopt;
  return found.front().position;
}

// No event of the term stands at or behind `from`.
Result<bool> is_quiet(const TermIndex& index, const TermView& term, Position from) {
  if (index.certainly_none_from(term, from)) return true;
  STELE_TRY(const auto head, index.head(term));
  return !head || head->last < from;
}

class ItemMatch {
public:
  ItemMatch(const TermIndex& index, const OrderLookups& order, const ConditionItem& item)
      : index_(index), order_(order), item_(item) {}

  Result<std::optional<Position>> first(Position from, Position below) {
    STELE_TRY(const bool impossible, is_impossible(from));
    if (impossible) return std::nullopt;
    STELE_DO(open());
    for (Position at = from; at < below;) {
      STELE_TRY(const auto candidate, next_candidate(at));
      if (!candidate || *candidate >= below) return std::nullopt;
      STELE_TRY(const bool matches, is_of_topics(*candidate));
      if (matches) return candidate;
      at = candidate->next();
    }
    return std::nullopt;
  }

private:
  // Heads alone settle most conditions: one tag, or all types, with nothing new.
  Result<bool> is_impossible(Position from) const {
    for (const Term& tag : item_.tags) {
      STELE_TRY(const bool quiet, is_quiet(index_, tag.view(), from));
      if (quiet) return true;
    }
    for (const Term& type : item_.types) {
      STELE_TRY(const bool quiet, is_quiet(index_, type.view(), from));
      if (!quiet) return false;
    }
    return !item_.types.empty();
  }

  Result<void> open() {
    for (const Term& tag : item_.tags) {
      STELE_TRY(Reader reader, index_.postings(tag.view()));
      tags_.push_back(std::move(reader));
    }
    for (const Term& type : item_.types) {
      STELE_TRY(Reader reader, index_.postings(type.view()));
      types_.push_back(std::move(reader));
    }
    std::ranges::sort(tags_, {}, [](const Reader& reader) { return reader->count(); });
    return {};
  }

  Result<std::optional<Position>> first_of_types(Position from) {
    std::optional<Position> first;
    for (const Reader& type : types_) {
      STELE_TRY(const auto found, first_from(*type, from));
      if (found && (!first || *found < *first)) first = found;
      if (first == from) break;
    }
    return first;
  }

  // The first position at or behind `at` that all tags, and one of the types, have.
  Result<std::optional<Position>> next_candidate(Position at) {
    while (true) {
      Position agreed = at;
      for (const Reader& tag : tags_) {
        STELE_TRY(const auto found, first_from(*tag, agreed));
        if (!found) return std::nullopt;
        agreed = *found;
      }
      if (!types_.empty()) {
        STELE_TRY(const auto found, first_of_types(agreed));
        if (!found) return std::nullopt;
        agreed = *found;
      }
      if (agreed == at) return at;
      at = agreed;
    }
  }

  Result<bool> is_of_topics(Position position) const {
    if (item_.topics.empty()) return true;
    STELE_TRY(const Uuid topic, order_.topic_of(position));
    return std::ranges::find(item_.topics, topic) != item_.topics.end();
  }

  const TermIndex& index_;
  const OrderLookups& order_;
  const ConditionItem& item_;
  std::vector<Reader> tags_;
  std::vector<Reader> types_;
};

}  // namespace

Result<Uuid> topic_at(const OrderLog& order, Position position) {
  const auto entry = order.entry_at(position);
  if (entry) return entry->from.topic;
  return entry.error().code == Code::kOutOfRange ? Result<Uuid>(Uuid{})
                                                 : std::unexpected(entry.error());
}

Result<std::optional<Position>> find_first_match(const TermIndex& index, const OrderLookups& order,
                                                 const ConditionItem& item, Position from,
                                                 Position below) {
  if (item.nothing || from >= below) return std::nullopt;
  if (item.types.empty() && item.tags.empty())
    return order.first_of_topics(item.topics, from, below);
  return ItemMatch(index, order, item).first(from, below);
}

}  // namespace stele::log
