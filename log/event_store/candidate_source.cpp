#include "log/event_store/candidate_source.h"

#include <algorithm>

namespace stele::log {
namespace {

constexpr std::size_t kChunkMax = 1024;

/// True if `a` comes before `b` in the direction.
bool comes_before(Position a, Position b, bool forward) {
  return forward ? a < b : a > b;
}

class PostingsSource final : public CandidateSource {
public:
  PostingsSource(std::shared_ptr<PostingReader> postings, const SourceOptions& options,
                 WorkBudget& budget)
      : postings_(std::move(postings)),
        forward_(options.forward),
        chunk_(std::clamp<std::size_t>(options.first_chunk, 1, kChunkMax)),
        budget_(budget) {}

  Result<Sought> seek(Position place) override {
    skip_to(place);
    if (at_ == held_.size()) STELE_DO(fill(place));
    if (at_ == held_.size()) return Sought{.kind = Sought::Kind::kNone, .position = place};
    return Sought{
        .kind = Sought::Kind::kFound, .position = held_[at_].position, .number = held_[at_].number};
  }

  [[nodiscard]] std::int64_t count() const override { return postings_->count(); }

private:
  void skip_to(Position place) {
    const auto is_passed = [&](const Posting& posting) {
      return comes_before(posting.position, place, forward_);
    };
    // Mostly the next one is wanted.
    if (at_ < held_.size() && is_passed(held_[at_])) ++at_;
    if (at_ == held_.size() || !is_passed(held_[at_])) return;
    const auto rest = held_.begin() + static_cast<std::ptrdiff_t>(at_);
    at_ = static_cast<std::size_t>(std::partition_point(rest, held_.end(), is_passed) -
                                   held_.begin());
    // A leap: what is behind the next place may not be wanted either.
    leapt_ = true;
  }

  Result<void> fill(Position place) {
    at_ = 0;
    const std::size_t wanted = chunk_;
    if (whole_) {
      held_.clear();
      return {};
    }
    STELE_TRY(held_, forward_ ? postings_->forward(place, wanted)
                              : postings_->backward(place.next(), wanted));
    budget_.take(static_cast<std::int64_t>(held_.size()) + 1);
    whole_ = held_.size() < wanted;
    if (!leapt_) chunk_ = std::min(chunk_ * 2, kChunkMax);
    leapt_ = false;
    return {};
  }

  std::shared_ptr<PostingReader> postings_;
  bool forward_;
  std::size_t chunk_;
  WorkBudget& budget_;
  std::vector<Posting> held_;
  std::size_t at_ = 0;
  bool leapt_ = false;
  bool whole_ = false;  ///< held_ goes to the end
};

class IntersectionSource final : public CandidateSource {
public:
  IntersectionSource(std::vector<CandidateSourcePtr> sources, WorkBudget& budget)
      : sources_(std::move(sources)), budget_(budget) {
    std::ranges::sort(sources_, {}, [](const auto& source) { return source->count(); });
  }

  Result<Sought> seek(Position place) override {
    Position candidate = place;
    std::size_t agreed = 0;
    for (std::size_t next = 0; agreed < sources_.size(); next = (next + 1) % sources_.size()) {
      if (budget_.used_up()) return Sought{.kind = Sought::Kind::kPaused, .position = candidate};
      STELE_TRY(const Sought sought, sources_[next]->seek(candidate));
      budget_.take(1);
      if (sought.kind != Sought::Kind::kFound) return sought;
      agreed = sought.position == candidate ? agreed + 1 : 1;
      candidate = sought.position;
    }
    return Sought{.kind = Sought::Kind::kFound, .position = candidate};
  }

  [[nodiscard]] std::int64_t count() const override { return sources_.front()->count(); }

private:
  std::vector<CandidateSourcePtr> sources_;
  WorkBudget& budget_;
};

class UnionSource final : public CandidateSource {
public:
  UnionSource(std::vector<CandidateSourcePtr> sources, bool forward)
      : sources_(std::move(sources)), current_(sources_.size()), forward_(forward) {}

  Result<Sought> seek(Position place) override {
    Sought first{.kind = Sought::Kind::kNone, .position = place};
    for (std::size_t i = 0; i < sources_.size(); ++i) {
      std::optional<Sought>& known = current_[i];
      const bool is_over = known && known->kind == Sought::Kind::kNone;
      const bool is_ahead = known && known->kind == Sought::Kind::kFound &&
                            !comes_before(known->position, place, forward_);
      if (!is_over && !is_ahead) {
        STELE_TRY(known, sources_[i]->seek(place));
      }
      if (known->kind == Sought::Kind::kNone) continue;
      if (first.kind == Sought::Kind::kNone || comes_first(*known, first)) first = *known;
    }
    first.number = -1;
    return first;
  }

  [[nodiscard]] std::int64_t count() const override {
    std::int64_t total = 0;
    for (const CandidateSourcePtr& source : sources_) total += source->count();
    return total;
  }

private:
  // At the same place, what was found goes before what has paused.
  bool comes_first(const Sought& a, const Sought& b) const {
    if (a.position != b.position) return comes_before(a.position, b.position, forward_);
    return a.kind == Sought::Kind::kFound && b.kind == Sought::Kind::kPaused;
  }

  std::vector<CandidateSourcePtr> sources_;
  std::vector<std::optional<Sought>> current_;
  bool forward_;
};

class EverythingSource final : public CandidateSource {
public:
  Result<Sought> seek(Position place) override {
    return Sought{.kind = Sought::Kind::kFound, .position = place};
  }
  [[nodiscard]] std::int64_t count() const override { return INT64_MAX; }
};

}  // namespace

CandidateSourcePtr postings_source(std::shared_ptr<PostingReader> postings,
                                   const SourceOptions& options, WorkBudget& budget) {
  return std::make_unique<PostingsSource>(std::move(postings), options, budget);
}

CandidateSourcePtr intersection_source(std::vector<CandidateSourcePtr> sources,
                                       WorkBudget& budget) {
  if (sources.size() == 1) return std::move(sources.front());
  return std::make_unique<IntersectionSource>(std::move(sources), budget);
}

CandidateSourcePtr union_source(std::vector<CandidateSourcePtr> sources, bool forward) {
  if (sources.size() == 1) return std::move(sources.front());
  return std::make_unique<UnionSource>(std::move(sources), forward);
}

CandidateSourcePtr everything_source() {
  return std::make_unique<EverythingSource>();
}

}  // namespace stele::log
