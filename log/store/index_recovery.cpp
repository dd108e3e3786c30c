#include "log/store/index_recovery.h"

#include <map>

#include "log/base/fail.h"
#include "log/store/gather_terms.h"

namespace stele::log {
namespace {

using namespace std::chrono_literals;

constexpr auto kReportEvery = 2s;

class IndexRecovery {
public:
  explicit IndexRecovery(StoreParts& parts) : parts_(parts), end_(parts.sequencer.end()) {}

  Result<void> run() {
    STELE_DO(open());
    from_ = parts_.index->indexed_to();
    next_report_ = parts_.env.now() + kReportEvery;
    const OrderLog& order = parts_.order;
    if (from_ >= end_ || order.first_block() >= order.block_count()) return finish();
    STELE_TRY(std::uint64_t block, order.find(from_));
    for (; block < order.block_count(); ++block) {
      STELE_TRY(const auto entries, order.block(block));
      for (const OrderEntry& entry : entries) {
        if (entry.position.next(entry.record_count) > from_) STELE_DO(add(entry));
      }
      report(entries.back().position);
    }
    return finish();
  }

private:
  Result<void> open() {
    TermIndexOptions options = parts_.options.index;
    options.end_max = end_;
    STELE_TRY(parts_.index,
              TermIndex::open(parts_.env, parts_.folder + "/index", parts_.id, options));
    return {};
  }

  Result<void> add(const OrderEntry& entry) {
    const TopicEntry* topic = parts_.sequencer.find_topic(entry.from.topic);
    const Position next = entry.position.next(entry.record_count);
    if (topic != nullptr && is_indexed(*topic->info)) STELE_DO(add_batch(entry));
    parts_.index->advance(next);
    if (parts_.index->stats().tail_bytes >= parts_.options.index.tail_bytes_max)
      STELE_DO(parts_.index->flush(next));
    return {};
  }

  Result<void> add_batch(const OrderEntry& entry) {
    const PartitionPtr partition = parts_.sequencer.find_partition(entry.from);
    if (partition == nullptr) return {};
    if (entry.base_offset.next(entry.record_count) <= partition->log_start()) return missed(entry);
    STELE_TRY(const auto place, partition->find_batch(entry));
    if (!place || !place->crc) STELE_DO(missed(entry));
    if (!place) return {};
    batch_.resize(place->batch_bytes);
    if (const auto read = partition->read_batch(*place, batch_); !read)
      return damaged(entry, read.error());
    const auto terms =
        gather_terms(parts_.index->hasher(), entry.from.topic, batch_, decompressor_);
    if (!terms) return damaged(entry, terms.error());
    parts_.index->add(**terms, entry.position, entry.from.partition);
    return {};
  }

  // Retention or compaction removed events that no run had counted: versions behind them are not
  // known.
  Result<void> missed(const OrderEntry& entry) {
    damaged_.try_emplace(entry.from.topic,
                         fmt::format("events of partition {} at offset {} were removed before the "
                                     "index was written",
                                     entry.from.text(), entry.base_offset.raw()));
    return {};
  }

  // Reads of it answer kCorrupt, and so do expectations on streams of its topic: what it held is
  // not counted. The rest of the store is served.
  Result<void> damaged(const OrderEntry& entry, const Error& error) {
    if (error.code == Code::kIo) return std::unexpected(error);
    damaged_.try_emplace(entry.from.topic,
                         fmt::format("a batch of partition {} at offset {} is damaged",
                                     entry.from.text(), entry.base_offset.raw()));
    parts_.env.report(Severity::kError,
                      fmt::format("batch_not_indexed partition={} offset={} reason=\"{}\"",
                                  entry.from.text(), entry.base_offset.raw(), error.text()));
    return {};
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
  Bytes batch_;
  Decompressor decompressor_;
  std::chrono::nanoseconds next_report_{0};
  bool reported_ = false;
};

}  // namespace

Result<void> recover_index(StoreParts& parts) {
  return IndexRecovery(parts).run();
}

}  // namespace stele::log
