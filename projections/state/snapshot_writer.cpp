#include "projections/state/snapshot_writer.h"

#include <algorithm>

#include "log/base/check.h"
#include "log/base/fail.h"
#include "log/format/varint.h"
#include "projections/state/state_folder.h"

namespace stele::projections {
namespace {

constexpr std::size_t kWriteBytes = std::size_t{1} << 20;
constexpr std::size_t kEntryBytesMax = std::size_t{1} << 30;

}  // namespace

SnapshotWriter::SnapshotWriter(Env& env, std::string folder, std::vector<SnapshotFold> folds,
                               Mark mark)
    : env_(env),
      folder_(std::move(folder)),
      directory_{.folds = std::move(folds), .mark = std::move(mark)},
      header_{.event_count = directory_.mark.event_count, .shapes = shapes_of(directory_.folds)} {}

Result<std::unique_ptr<SnapshotWriter>> SnapshotWriter::create(Env& env, const std::string& folder,
                                                               std::vector<SnapshotFold> folds,
                                                               Mark mark) {
  std::unique_ptr<SnapshotWriter> writer(
      new SnapshotWriter(env, folder, std::move(folds), std::move(mark)));
  STELE_DO(env.remove(path_in(folder, kUnfinishedSnapshot)));
  STELE_TRY(writer->file_, env.open(path_in(folder, kUnfinishedSnapshot), OpenMode::kCreateFresh));
  const auto head = encode_header(writer->header_);
  writer->out_.assign(head.begin(), head.end());
  return writer;
}

Result<void> SnapshotWriter::begin_fold() {
  STELE_CHECK(fold_count_ < directory_.folds.size());
  STELE_DO(cut());
  ++fold_count_;
  return {};
}

Result<void> SnapshotWriter::add(const Key& key, ByteView state) {
  if (key.bytes.size() > kEntryBytesMax || state.size() > kEntryBytesMax - key.bytes.size())
    return fail(Code::kTooLarge, "a state of {} bytes", state.size());
  SnapshotFold& fold = directory_.folds[fold_count_ - 1];
  if (raw_.size() >= kBlockRawBytes && key.hash != last_hash_) STELE_DO(cut());
  if (raw_.empty()) fold.blocks.push_back({.first_hash = key.hash, .place = place()});
  const std::size_t at = raw_.size();
  raw_.resize(at + uvarint_bytes(key.bytes.size()) + uvarint_bytes(state.size()) +
              key.bytes.size() + state.size());
  std::byte* to = write_uvarint(raw_.data() + at, key.bytes.size());
  to = write_uvarint(to, state.size());
  to = std::ranges::copy(key.bytes, to).out;
  std::ranges::copy(state, to);
  last_hash_ = key.hash;
  ++fold.key_count;
  return {};
}

Result<void> SnapshotWriter::cut() {
  if (raw_.empty()) return {};
  encode_block(raw_, place(), header_, out_);
  raw_.clear();
  if (out_.size() >= kWriteBytes) STELE_DO(write_out());
  return {};
}

Result<void> SnapshotWriter::write_out() {
  STELE_DO(file_->write(out_, written_bytes_));
  written_bytes_ += out_.size();
  out_.clear();
  return {};
}

Result<std::uint64_t> SnapshotWriter::finish() {
  STELE_CHECK(fold_count_ == directory_.folds.size());
  STELE_DO(cut());
  const Bytes directory = encode_directory(directory_);
  const auto footer =
      encode_footer({.directory_place = place(),
                     .directory_bytes = directory.size(),
                     .directory_checksum = directory_checksum(directory, place(), header_)},
                    header_);
  out_.insert(out_.end(), directory.begin(), directory.end());
  out_.insert(out_.end(), footer.begin(), footer.end());
  STELE_DO(write_out());
  STELE_DO(file_->sync());
  file_.reset();
  STELE_DO(env_.rename(path_in(folder_, kUnfinishedSnapshot),
                       path_in(folder_, snapshot_name(header_.event_count))));
  STELE_DO(env_.sync_folder(folder_));
  return written_bytes_;
}

void SnapshotWriter::give_up() {
  file_.reset();
  // What cannot be removed is replaced by the next snapshot.
  static_cast<void>(env_.remove(path_in(folder_, kUnfinishedSnapshot)));
}

}  // namespace stele::projections
