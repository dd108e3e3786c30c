#include "log/store/index_recovery.h"

#include <map>

#include "log/base/fail.h"
#include "log/store/index_feed.h"

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
    STELE_TRY(parts_.index,
              TermIndex::open(parts_.env, parts_.folder + "/index", parts_.id, options));
    from_ = parts_.index->indexed_to();
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
    if (parts_.index->stats().tail_bytes >= parts_.options.index.tail_bytes_max)
      STELE_DO(parts_.index->flush(next));
    report(next);
    return {};
  }

  void lost(const Uuid& topic, const std::string& why) override {
    damaged_.try_emplace(topic, why);
  }

private:
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
    parts_.index->advance(end_);
    parts_.sequencer.set_index(*parts_.index);
    parts_.sequencer.set_damaged(std::move(damaged_));
    if (reported_)
      parts_.env.report(Severity::kInfo,
                        fmt::format("index_rebuilt from={} to={}", from_.raw(), end_.raw()));
    return {};
  }

  StoreParts& parts_;
  Position end_;
  Position from_;
  std::map<Uuid, std::string> damaged_;
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
