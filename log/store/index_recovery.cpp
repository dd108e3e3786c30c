#include "log/store/index_recovery.h"

#include "log/base/fail.h"
#include "log/store/index_feed.h"
#include "log/store/unknown_versions.h"

namespace stele::log {
namespace {

using namespace std::chrono_literals;

constexpr auto kReportEvery = 2s;

class IndexRecovery final : public IndexSink {
public:
  explicit IndexRecovery(StoreParts& parts) : parts_(parts), end_(parts.sequencer.end()) {}

  Result<void> run() {
    TermIndexOptions options = parts_.options.index;
    options.end_max = end_;
    STELE_TRY(parts_.index, TermIndex::open(parts_.env, index_folder(), parts_.id, options));
    from_ = parts_.index->indexed_to();
    STELE_DO(load_unknown());
    next_report_ = parts_.env.now() + kReportEvery;
    if (from_ < end_) STELE_DO(IndexFeed(parts_, parts_.index->hasher(), *this).run(from_));
    return finish();
  }

  Result<void> add(const BatchTerms& terms, Position first, std::int32_t partition) override {
    parts_.index->add(terms, first, partition);
    return {};
  }

  Result<void> advance(Position next) override {
    parts_.index->advance(next);
    if (parts_.index->stats().tail_bytes >= parts_.options.index.tail_bytes_max) {
      STELE_DO(save_unknown());
      STELE_DO(parts_.index->flush(next));
    }
    report(next);
    return {};
  }

  void lost(const Uuid& topic, const std::string& why) override {
    changed_ = unknown_.try_emplace(topic, why).second || changed_;
  }

private:
  [[nodiscard]] std::string index_folder() const { return parts_.folder + "/index"; }

  // What the runs that are there do not count. An index from the beginning finds out afresh.
  Result<void> load_unknown() {
    auto unknown = load_unknown_versions(parts_.env, index_folder(), parts_.id);
    if (!unknown && unknown.error().code != Code::kCorrupt) return std::unexpected(unknown.error());
    changed_ = from_ == Position(0) && (!unknown || !unknown->empty());
    if (from_ == Position(0)) return {};
    for (const auto& [id, topic] : parts_.sequencer.topics()) {
      if (!unknown && is_indexed(*topic.info)) lost(id, unknown.error().detail);
      if (unknown && unknown->contains(id)) unknown_[id] = unknown->at(id);
    }
    return {};
  }

  // Before a run that misses what is unknown is durable.
  Result<void> save_unknown() {
    if (!std::exchange(changed_, false)) return {};
    return save_unknown_versions(parts_.env, index_folder(), parts_.id, unknown_);
  }

  void report(Position at) {
    const auto now = parts_.env.now();
    if (now < next_report_) return;
    next_report_ = now + kReportEvery;
    reported_ = true;
    parts_.env.report(Severity::kInfo,
                      fmt::format("index_rebuilding position={} of={} percent={}", at.raw(),
                                  end_.raw(), distance(from_, at) * 100 / distance(from_, end_)));
  }

  Result<void> finish() {
    STELE_DO(save_unknown());
    for (const auto& [topic, why] : unknown_)
      parts_.env.report(
          Severity::kError,
          fmt::format("versions_not_known topic={} restore_what_is_damaged_and_remove={} "
                      "reason=\"{}\"",
                      topic.text(), index_folder(), why));
    parts_.index->advance(end_);
    parts_.sequencer.set_index(*parts_.index);
    parts_.sequencer.set_damaged(std::move(unknown_));
    if (reported_)
      parts_.env.report(Severity::kInfo,
                        fmt::format("index_rebuilt from={} to={}", from_.raw(), end_.raw()));
    return {};
  }

  StoreParts& parts_;
  Position end_;
  Position from_;
  UnknownVersions unknown_;
  bool changed_ = false;  ///< against the file
  std::chrono::nanoseconds next_report_{0};
  bool reported_ = false;
};

}  // namespace

Result<void> recover_floors(StoreParts& parts) {
  auto opened = VersionFloors::open(parts.env, parts.folder + "/floors", parts.id);
  if (!opened && opened.error().code != Code::kCorrupt) return std::unexpected(opened.error());
  if (!opened) {
    parts.env.report(Severity::kError,
                     fmt::format("version_floors_damaged restore_from=backup reason=\"{}\"",
                                 opened.error().text()));
    return {};
  }
  parts.floors = std::move(*opened);
  return {};
}

Result<void> recover_index(StoreParts& parts) {
  return IndexRecovery(parts).run();
}

}  // namespace stele::log
