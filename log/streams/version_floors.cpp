#include "log/streams/version_floors.h"

#include <algorithm>

#include "log/base/fail.h"

namespace stele::log {
namespace {

constexpr std::size_t kFileCountMax = 16;  // beyond it the smaller ones are merged

bool is_later(const std::unique_ptr<FloorFileReader>& a,
              const std::unique_ptr<FloorFileReader>& b) {
  return a->entry().position > b->entry().position;
}

}  // namespace

// --- additions ---

Result<void> FloorAddition::add(const TopicPartition& from, Position first, const BatchTerms& terms,
                                std::span<const std::int32_t> removed) {
  const std::uint64_t before = writer_->entry_count();
  auto next = removed.begin();
  for (const BatchTerms::Entry& entry : terms.entries()) {
    while (next != removed.end() && *next < entry.record_index) ++next;
    if (next == removed.end()) break;
    if (*next == entry.record_index) STELE_DO(add_entry(from, first, terms, entry));
  }
  if (writer_->entry_count() > before || removed.empty()) return {};
  return writer_->add({from.topic, std::nullopt, {}, first.next(removed.front()), from.partition});
}

Result<void> FloorAddition::add_all(const TopicPartition& from, Position first,
                                    const BatchTerms& terms) {
  const std::uint64_t before = writer_->entry_count();
  for (const BatchTerms::Entry& entry : terms.entries())
    STELE_DO(add_entry(from, first, terms, entry));
  if (writer_->entry_count() > before) return {};
  return writer_->add({from.topic, std::nullopt, {}, first, from.partition});
}

Result<void> FloorAddition::add_entry(const TopicPartition& from, Position first,
                                      const BatchTerms& terms, const BatchTerms::Entry& entry) {
  if (entry.kind == TermKind::kEventId) return {};
  return writer_->add({from.topic, entry.kind, terms.term(entry).bytes,
                       first.next(entry.record_index), from.partition});
}

Result<void> FloorAddition::keep() {
  STELE_DO(writer_->finish());
  if (writer_->made()) floors_.list({number_, writer_->bytes()}, {});
  return {};
}

// --- reading ---

Result<bool> FloorReader::next() {
  for (auto& file : std::exchange(fresh_, {})) {
    STELE_TRY(const bool more, file->next());
    if (!more) continue;
    files_.push_back(std::move(file));
    std::ranges::push_heap(files_, is_later);
  }
  if (files_.empty()) return false;
  const FloorEntry& first = files_.front()->entry();
  event_ = {.position = first.position, .from = {first.topic, first.partition}, .terms = {}};
  while (!files_.empty() && files_.front()->entry().position == event_.position)
    STELE_DO(take_first());
  std::ranges::sort(event_.terms);
  const auto again = std::ranges::unique(event_.terms);
  event_.terms.erase(again.begin(), again.end());
  return true;
}

Result<void> FloorReader::take_first() {
  const FloorEntry& entry = files_.front()->entry();
  if (entry.kind)
    event_.terms.push_back({*entry.kind, Bytes(entry.bytes.begin(), entry.bytes.end())});
  std::ranges::pop_heap(files_, is_later);
  STELE_TRY(const bool more, files_.back()->next());
  if (more) {
    std::ranges::push_heap(files_, is_later);
  } else {
    files_.pop_back();
  }
  return {};
}

// --- the files ---

std::string VersionFloors::path_of(std::uint64_t number) const {
  return folder_ + "/" + floor_file_name(number);
}

Result<std::unique_ptr<VersionFloors>> VersionFloors::open(Env& env, std::string folder,
                                                           const Uuid& store, bool read_only) {
  std::unique_ptr<VersionFloors> floors(new VersionFloors(env, std::move(folder), store));
  STELE_DO(floors->load(read_only));
  return floors;
}

Result<void> VersionFloors::load(bool read_only) {
  const auto entries = env_.list(folder_);
  if (!entries)
    return entries.error().code == Code::kNotFound ? Result<void>{}
                                                   : std::unexpected(entries.error());
  std::set<std::uint64_t> replaced;
  for (const FolderEntry& entry : *entries) {
    const auto number = parse_floor_file_name(entry.name);
    if (!number) continue;
    next_number_ = std::max(next_number_, *number + 1);
    STELE_TRY(const auto file, FloorFileReader::open(env_, path_of(*number), store_));
    if (file->head().number != *number)
      return fail(Code::kCorrupt, "{} is file {} under another name", path_of(*number),
                  file->head().number);
    replaced.insert(file->head().replaces.begin(), file->head().replaces.end());
    files_.push_back({*number, file->bytes()});
  }
  std::erase_if(files_, [&](const KnownFile& one) { return replaced.contains(one.number); });
  return read_only ? Result<void>{} : remove_leftovers(*entries);
}

Result<void> VersionFloors::remove_leftovers(const std::vector<FolderEntry>& entries) const {
  for (const FolderEntry& entry : entries) {
    const auto number = parse_floor_file_name(entry.name);
    const bool unfinished = entry.name.ends_with(".tmp");
    const bool replaced =
        number && std::ranges::find(files_, *number, &KnownFile::number) == files_.end();
    if (unfinished || replaced) STELE_DO(env_.remove(folder_ + "/" + entry.name));
  }
  return {};
}

std::uint64_t VersionFloors::take_number() {
  const std::scoped_lock lock(mutex_);
  return next_number_++;
}

std::unique_ptr<FloorAddition> VersionFloors::begin() {
  const std::uint64_t number = take_number();
  FloorFileHead head{.number = number, .replaces = {}};
  return std::make_unique<FloorAddition>(
      *this, std::make_unique<FloorFileWriter>(env_, folder_, store_, std::move(head)), number);
}

void VersionFloors::list(KnownFile file, const Numbers& replaced) {
  const std::scoped_lock lock(mutex_);
  std::erase_if(files_, [&](const KnownFile& one) {
    return std::ranges::find(replaced, one.number) != replaced.end();
  });
  files_.push_back(file);
  std::ranges::sort(files_, {}, &KnownFile::number);
}

VersionFloors::Numbers VersionFloors::all_files() const {
  const std::scoped_lock lock(mutex_);
  Numbers numbers;
  for (const KnownFile& one : files_) numbers.push_back(one.number);
  return numbers;
}

// Three quarters of them: what is large is seldom written again.
VersionFloors::Numbers VersionFloors::due_merge() const {
  std::vector<KnownFile> files;
  {
    const std::scoped_lock lock(mutex_);
    files = files_;
  }
  if (files.size() <= kFileCountMax) return {};
  std::ranges::sort(files, {},
                    [](const KnownFile& one) { return std::pair(one.bytes, one.number); });
  files.resize(files.size() - files.size() / 4);
  Numbers numbers;
  for (const KnownFile& one : files) numbers.push_back(one.number);
  return numbers;
}

Result<std::unique_ptr<FloorReader>> VersionFloors::read_files(const Numbers& numbers,
                                                               Position from) const {
  auto reader = std::make_unique<FloorReader>();
  for (const std::uint64_t number : numbers) {
    STELE_TRY(auto file, FloorFileReader::open(env_, path_of(number), store_));
    file->start(from);
    if (file->last() >= from) reader->fresh_.push_back(std::move(file));
  }
  return reader;
}

Result<std::unique_ptr<FloorReader>> VersionFloors::reader(Position from) const {
  // A merge may have removed a file meanwhile: then the list is another one.
  while (true) {
    const Numbers numbers = all_files();
    auto reader = read_files(numbers, from);
    if (reader || reader.error().code != Code::kNotFound || numbers == all_files()) return reader;
  }
}

std::int64_t VersionFloors::file_count() const {
  const std::scoped_lock lock(mutex_);
  return std::ssize(files_);
}

std::int64_t VersionFloors::bytes() const {
  const std::scoped_lock lock(mutex_);
  std::uint64_t total = 0;
  for (const KnownFile& one : files_) total += one.bytes;
  return static_cast<std::int64_t>(total);
}

// --- merging ---

Result<void> VersionFloors::merge(const Numbers& inputs, const std::set<Uuid>& topics,
                                  const std::atomic<bool>& cancel) {
  const std::uint64_t number = take_number();
  FloorFileWriter writer(env_, folder_, store_, {.number = number, .replaces = inputs});
  STELE_TRY(const auto reader, read_files(inputs, Position(0)));
  while (true) {
    STELE_TRY(const bool more, reader->next());
    if (!more) break;
    if (cancel.load(std::memory_order_relaxed))
      return fail(Code::kCancelled, "not wanted any more");
    const RemovedEvent& event = reader->event();
    if (!topics.contains(event.from.topic)) continue;
    FloorEntry entry{event.from.topic, std::nullopt, {}, event.position, event.from.partition};
    if (event.terms.empty()) STELE_DO(writer.add(entry));
    for (const RemovedEvent::RemovedTerm& term : event.terms) {
      entry.kind = term.kind;
      entry.bytes = term.bytes;
      STELE_DO(writer.add(entry));
    }
  }
  STELE_DO(writer.finish());
  list({number, writer.bytes()}, inputs);
  for (const std::uint64_t input : inputs) STELE_DO(env_.remove(path_of(input)));
  return {};
}

}  // namespace stele::log
