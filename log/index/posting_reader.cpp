#include "log/index/posting_reader.h"

#include <algorithm>

#include "log/base/check.h"
#include "log/base/fail.h"

namespace stele::log {

Result<std::unique_ptr<PostingReader>> StretchedPostings::open(std::vector<StretchSource> sources) {
  auto made = std::make_unique<StretchedPostings>();
  made->sources_ = std::move(sources);
  // The newest parts may not know their base; then it is what those before them sum up to.
  std::vector<PostingStretch> found;
  while (made->next_source_ < made->sources_.size()) {
    STELE_TRY(auto stretch, made->sources_[made->next_source_++].find());
    if (!stretch) continue;
    const bool known = stretch->base.has_value();
    found.push_back(*std::move(stretch));
    if (known) break;
  }
  std::int64_t base = found.empty() ? 0 : found.back().base.value_or(0);
  for (auto one = found.rbegin(); one != found.rend(); ++one) {
    const std::int64_t count = one->pieces->count();
    made->parts_.push_back({.base = base, .pieces = std::move(one->pieces)});
    base += count;
  }
  std::ranges::reverse(made->parts_);
  made->count_ = base;
  return made;
}

Result<bool> StretchedPostings::load_older() {
  if (!parts_.empty() && parts_.back().base == 0) next_source_ = sources_.size();
  if (next_source_ == sources_.size()) return false;
  STELE_TRY(auto stretch, sources_[next_source_++].find());
  if (!stretch) return true;
  const std::int64_t count = stretch->pieces->count();
  const std::int64_t base = (parts_.empty() ? count_ : parts_.back().base) - count;
  const bool fits = base >= 0 && stretch->base.value_or(base) == base;
  if (stretch->keeps_all && !fits)
    return fail(Code::kCorrupt, "the index counts a term's events in two ways");
  parts_.push_back({.base = std::max<std::int64_t>(base, 0), .pieces = std::move(stretch->pieces)});
  return true;
}

Result<void> StretchedPostings::load_from(Position from) {
  while (next_source_ < sources_.size() && sources_[next_source_].end > from) {
    STELE_TRY(const bool more, load_older());
    if (!more) break;
  }
  return {};
}

Result<std::vector<Posting>> StretchedPostings::forward(Position from, std::size_t max) {
  STELE_DO(load_from(from));
  std::vector<Posting> out;
  for (auto part = parts_.rbegin(); part != parts_.rend() && out.size() < max; ++part) {
    STELE_TRY(PostingPiece piece, part->pieces->by_position(from));
    while (true) {
      std::int64_t number = part->base + piece.first_index;
      for (const Position position : piece.positions) {
        if (position >= from && out.size() < max)
          out.push_back({.position = position, .number = number});
        ++number;
      }
      if (out.size() == max || piece.end_index() >= part->pieces->count()) break;
      STELE_TRY(piece, part->pieces->by_index(piece.end_index()));
    }
  }
  return out;
}

Result<std::vector<Posting>> StretchedPostings::backward(Position below, std::size_t max) {
  std::vector<Posting> out;
  if (below.raw() <= 0) return out;
  for (std::size_t i = 0; out.size() < max; ++i) {
    while (i == parts_.size()) {
      STELE_TRY(const bool more, load_older());
      if (!more) return out;
    }
    const Part& part = parts_[i];
    STELE_TRY(PostingPiece piece, part.pieces->by_position(below.next(-1)));
    while (true) {
      std::int64_t number = part.base + piece.end_index();
      for (auto at = piece.positions.rbegin(); at != piece.positions.rend(); ++at) {
        --number;
        if (*at < below && out.size() < max) out.push_back({.position = *at, .number = number});
      }
      if (out.size() == max || piece.first_index == 0) break;
      STELE_TRY(piece, part.pieces->by_index(piece.first_index - 1));
    }
  }
  return out;
}

Result<std::optional<Posting>> StretchedPostings::at_number(std::int64_t number) {
  if (number < 0 || number >= count_) return std::nullopt;
  while (parts_.empty() || parts_.back().base > number) {
    STELE_TRY(const bool more, load_older());
    if (!more) return std::nullopt;
  }
  for (const Part& part : parts_) {
    if (number < part.base) continue;
    if (number >= part.end_number()) return std::nullopt;
    STELE_TRY(const PostingPiece piece, part.pieces->by_index(number - part.base));
    const std::int64_t at = number - part.base - piece.first_index;
    return Posting{.position = piece.positions[static_cast<std::size_t>(at)], .number = number};
  }
  return std::nullopt;
}

}  // namespace stele::log
