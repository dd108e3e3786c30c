#include "log/streams/floor_file.h"

#include <algorithm>
#include <array>

#include "log/base/byte_stream.h"
#include "log/base/check.h"
#include "log/base/checksum.h"
#include "log/base/fail.h"
#include "log/format/varint.h"

namespace stele::log {
namespace {

// "STELFLOR", read as a little-endian integer.
constexpr std::uint64_t kMagic = 0x524f4c464c455453;
constexpr std::uint32_t kFormatVersion = 1;
constexpr std::size_t kHeadBytes = 64;
constexpr std::size_t kBlockHeadBytes = 32;
constexpr std::size_t kPayloadBytesMax = 64 << 10;     // a block is written when it is so large
constexpr std::size_t kPayloadBytesHardMax = 1 << 20;  // none is larger: one term more than that
constexpr std::size_t kEntryBytesMax = 5 * kVarlongBytesMax;
constexpr std::uint8_t kNoKind = 0;  // of an entry without a term
constexpr auto kKindMax = static_cast<std::uint64_t>(TermKind::kEventId);
constexpr std::string_view kSuffix = ".removed";
constexpr std::size_t kNumberDigits = 20;

std::uint64_t seed_of(const Uuid& store, std::uint64_t number, std::uint64_t at) {
  return mix_seed(mix_seed(mix_seed(store.high(), store.low()), number), at);
}

void put_varint(Bytes& to, std::uint64_t value) {
  std::array<std::byte, kVarlongBytesMax> text{};
  std::byte* end = write_uvarint(text.data(), value);
  to.insert(to.end(), text.data(), end);
}

struct BlockHead {
  std::uint32_t payload_bytes = 0;
  std::uint32_t entry_count = 0;
  Position first;
  Position last;
  std::uint64_t checksum = 0;
};

std::array<std::byte, kBlockHeadBytes> encode_block_head(const BlockHead& head) {
  std::array<std::byte, kBlockHeadBytes> out{};
  store_le(out.data(), head.payload_bytes);
  store_le(out.data() + 4, head.entry_count);
  store_le(out.data() + 8, head.first.raw());
  store_le(out.data() + 16, head.last.raw());
  store_le(out.data() + 24, head.checksum);
  return out;
}

BlockHead decode_block_head(const std::byte* from) {
  return {.payload_bytes = load_le<std::uint32_t>(from),
          .entry_count = load_le<std::uint32_t>(from + 4),
          .first = Position(load_le<std::int64_t>(from + 8)),
          .last = Position(load_le<std::int64_t>(from + 16)),
          .checksum = load_le<std::uint64_t>(from + 24)};
}

// Of the head's own fields and the payload.
std::uint64_t checksum_of(const BlockHead& head, ByteView payload, std::uint64_t seed) {
  const auto fields = encode_block_head(head);
  return checksum(payload, mix_seed(seed, checksum(ByteView(fields).first(24), seed)));
}

}  // namespace

std::string floor_file_name(std::uint64_t number) {
  return fmt::format("{:020}{}", number, kSuffix);
}

std::optional<std::uint64_t> parse_floor_file_name(std::string_view name) {
  if (name.size() != kNumberDigits + kSuffix.size() || !name.ends_with(kSuffix))
    return std::nullopt;
  std::uint64_t number = 0;
  for (const char c : name.substr(0, kNumberDigits)) {
    if (c < '0' || c > '9') return std::nullopt;
    number = number * 10 + static_cast<std::uint64_t>(c - '0');
  }
  return number;
}

// --- writing ---

FloorFileWriter::FloorFileWriter(Env& env, std::string folder, const Uuid& store,
                                 FloorFileHead head)
    : env_(env), folder_(std::move(folder)), store_(store), head_(std::move(head)) {}

FloorFileWriter::~FloorFileWriter() {
  if (file_ == nullptr || finished_) return;
  file_.reset();
  const auto removed = env_.remove(folder_ + "/" + floor_file_name(head_.number) + ".tmp");
  static_cast<void>(removed);  // the next start removes what could not be removed now
}

Result<void> FloorFileWriter::begin() {
  // The folder's own entry has to last as well: nobody else looks after it.
  STELE_DO(env_.make_folder(folder_));
  STELE_DO(env_.sync_folder(folder_.substr(0, std::max<std::size_t>(folder_.rfind('/'), 1))));
  const std::string path = folder_ + "/" + floor_file_name(head_.number) + ".tmp";
  STELE_TRY(file_, env_.open(path, OpenMode::kCreate));
  STELE_DO(file_->truncate(0));
  ByteWriter list;
  for (const std::uint64_t number : head_.replaces) list.put(number);
  const Bytes tail = list.take();
  ByteWriter out;
  out.put(kMagic);
  out.put(kFormatVersion);
  out.put(std::uint32_t{0});
  out.put(store_);
  out.put(head_.number);
  out.put(std::uint32_t{0});
  out.put(static_cast<std::uint32_t>(head_.replaces.size()));
  out.put(std::uint64_t{0});
  Bytes head = out.take();
  const std::uint64_t seed = seed_of(store_, head_.number, 0);
  const std::uint64_t sum = checksum(tail, mix_seed(seed, checksum(head, seed)));
  head.resize(kHeadBytes);
  store_le(head.data() + kHeadBytes - sizeof sum, sum);
  head.insert(head.end(), tail.begin(), tail.end());
  STELE_DO(file_->write(head, 0));
  at_ = head.size();
  return {};
}

std::uint32_t FloorFileWriter::topic_of(const Uuid& topic) {
  const auto found = std::ranges::find(topics_, topic);
  if (found == topics_.end()) {
    topics_.push_back(topic);
    return static_cast<std::uint32_t>(topics_.size() - 1);
  }
  return static_cast<std::uint32_t>(found - topics_.begin());
}

std::uint32_t FloorFileWriter::term_of(const FloorEntry& entry) {
  const std::uint32_t topic = topic_of(entry.topic);
  const std::uint8_t kind = entry.kind ? static_cast<std::uint8_t>(*entry.kind) : kNoKind;
  std::string name(reinterpret_cast<const char*>(&topic), sizeof topic);
  name.push_back(static_cast<char>(kind));
  name.append(as_text(entry.bytes));
  const auto [found, added] =
      term_numbers_.try_emplace(std::move(name), static_cast<std::uint32_t>(term_numbers_.size()));
  if (added) {
    put_varint(terms_, topic);
    put_varint(terms_, kind);
    put_varint(terms_, entry.bytes.size());
    terms_.insert(terms_.end(), entry.bytes.begin(), entry.bytes.end());
  }
  return found->second;
}

Result<void> FloorFileWriter::add(const FloorEntry& entry) {
  STELE_CHECK(!finished_ && entry.partition >= 0);
  if (file_ == nullptr) STELE_DO(begin());
  STELE_CHECK(total_ == 0 || entry.position >= last_);
  if (terms_.size() + entries_.size() + entry.bytes.size() + kEntryBytesMax > kPayloadBytesMax)
    STELE_DO(write_block());
  if (entry_count_ == 0) first_ = last_ = entry.position;
  const std::uint32_t term = term_of(entry);
  put_varint(entries_, static_cast<std::uint64_t>(distance(last_, entry.position)));
  put_varint(entries_, term);
  put_varint(entries_, static_cast<std::uint64_t>(entry.partition));
  last_ = entry.position;
  ++entry_count_;
  ++total_;
  return {};
}

Result<void> FloorFileWriter::write_block() {
  if (entry_count_ == 0) return {};
  Bytes out(kBlockHeadBytes);
  put_varint(out, topics_.size());
  for (const Uuid& topic : topics_) out.insert(out.end(), topic.bytes.begin(), topic.bytes.end());
  put_varint(out, term_numbers_.size());
  out.insert(out.end(), terms_.begin(), terms_.end());
  out.insert(out.end(), entries_.begin(), entries_.end());
  const ByteView payload = ByteView(out).subspan(kBlockHeadBytes);
  BlockHead head{.payload_bytes = static_cast<std::uint32_t>(payload.size()),
                 .entry_count = entry_count_,
                 .first = first_,
                 .last = last_};
  head.checksum = checksum_of(head, payload, seed_of(store_, head_.number, at_));
  std::ranges::copy(encode_block_head(head), out.begin());
  STELE_DO(file_->write(out, at_));
  at_ += out.size();
  entry_count_ = 0;
  topics_.clear();
  term_numbers_.clear();
  terms_.clear();
  entries_.clear();
  return {};
}

Result<void> FloorFileWriter::finish() {
  STELE_CHECK(!finished_);
  if (file_ == nullptr) {
    if (head_.replaces.empty()) return {};
    STELE_DO(begin());
  }
  STELE_DO(write_block());
  BlockHead end{.first = Position(static_cast<std::int64_t>(total_)), .last = last_};
  end.checksum = checksum_of(end, {}, seed_of(store_, head_.number, at_));
  const auto mark = encode_block_head(end);
  STELE_DO(file_->write(mark, at_));
  at_ += mark.size();
  STELE_DO(file_->sync());
  const std::string path = folder_ + "/" + floor_file_name(head_.number);
  STELE_DO(env_.rename(path + ".tmp", path));
  finished_ = true;
  return env_.sync_folder(folder_);
}

// --- reading ---

Error FloorFileReader::damaged(std::string_view what) const {
  return {Code::kCorrupt, fmt::format("{}: {} at byte {} is damaged", path_, what, at_)};
}

Result<std::unique_ptr<FloorFileReader>> FloorFileReader::open(Env& env, const std::string& path,
                                                               const Uuid& store) {
  STELE_TRY(auto file, env.open(path, OpenMode::kRead));
  std::unique_ptr<FloorFileReader> reader(new FloorFileReader(std::move(file), path, store));
  STELE_DO(reader->read_head());
  STELE_DO(reader->read_end());
  return reader;
}

Result<void> FloorFileReader::read_head() {
  STELE_TRY(bytes_, file_->size());
  Bytes head(kHeadBytes);
  STELE_TRY(const std::size_t got, file_->read(head, 0));
  ByteReader in(head);
  const bool is_ours = got == kHeadBytes && in.get<std::uint64_t>() == kMagic;
  if (!is_ours) return std::unexpected(damaged("the head"));
  if (in.get<std::uint32_t>() != kFormatVersion)
    return fail(Code::kUnsupported, "{} is of another format version", path_);
  static_cast<void>(in.get<std::uint32_t>());
  const Uuid store = in.get_uuid();
  head_.number = in.get<std::uint64_t>();
  static_cast<void>(in.get<std::uint32_t>());
  const auto replaces = in.get<std::uint32_t>();
  const std::uint64_t list_bytes = std::uint64_t{replaces} * 8;
  if (store != store_ || kHeadBytes + list_bytes + kBlockHeadBytes > bytes_)
    return std::unexpected(damaged("the head"));
  Bytes tail(list_bytes);
  STELE_TRY(const std::size_t more, file_->read(tail, kHeadBytes));
  const std::uint64_t seed = seed_of(store_, head_.number, 0);
  const auto sum = load_le<std::uint64_t>(head.data() + kHeadBytes - 8);
  const ByteView fields = ByteView(head).first(kHeadBytes - 8);
  if (more != tail.size() || checksum(tail, mix_seed(seed, checksum(fields, seed))) != sum)
    return std::unexpected(damaged("the head"));
  ByteReader list(tail);
  for (std::uint32_t i = 0; i < replaces; ++i) head_.replaces.push_back(list.get<std::uint64_t>());
  at_ = kHeadBytes + list_bytes;
  end_ = bytes_ - kBlockHeadBytes;
  return {};
}

Result<void> FloorFileReader::read_end() {
  std::array<std::byte, kBlockHeadBytes> mark{};
  STELE_TRY(const std::size_t got, file_->read(mark, end_));
  const BlockHead end = decode_block_head(mark.data());
  const std::uint64_t seed = seed_of(store_, head_.number, end_);
  if (got != mark.size() || end.payload_bytes != 0 || end.entry_count != 0 ||
      end.checksum != checksum_of(end, {}, seed))
    return std::unexpected(damaged("the end mark"));
  total_ = static_cast<std::uint64_t>(end.first.raw());
  last_ = end.last;
  return {};
}

Result<bool> FloorFileReader::next_block() {
  while (at_ < end_) {
    std::array<std::byte, kBlockHeadBytes> bytes{};
    STELE_TRY(const std::size_t got, file_->read(bytes, at_));
    const BlockHead head = decode_block_head(bytes.data());
    const bool fits = got == bytes.size() && head.payload_bytes > 0 &&
                      head.payload_bytes <= kPayloadBytesHardMax &&
                      at_ + kBlockHeadBytes + head.payload_bytes <= end_;
    if (!fits) return std::unexpected(damaged("a block"));
    block_.resize(head.payload_bytes);
    STELE_TRY(const std::size_t more, file_->read(block_, at_ + kBlockHeadBytes));
    const std::uint64_t seed = seed_of(store_, head_.number, at_);
    if (more != block_.size() || head.checksum != checksum_of(head, block_, seed))
      return std::unexpected(damaged("a block"));
    const std::uint64_t block_at = at_;
    at_ += kBlockHeadBytes + head.payload_bytes;
    if (head.last < from_) continue;
    left_ = head.entry_count;
    entry_.position = head.first;
    if (!parse_block(block_)) {
      at_ = block_at;
      return std::unexpected(damaged("a block"));
    }
    return true;
  }
  return false;
}

// Its checksum is right: what does not fit now was written so.
Result<void> FloorFileReader::parse_block(ByteView payload) {
  VarintReader in(payload);
  std::vector<Uuid> topics;
  const std::uint64_t topic_count = in.unsigned_varlong();
  for (std::uint64_t i = 0; i < topic_count && !in.failed(); ++i) {
    const ByteView id = in.take(sizeof(Uuid));
    if (!in.failed()) topics.push_back(Uuid::load(id.data()));
  }
  terms_.clear();
  const std::uint64_t term_count = in.unsigned_varlong();
  for (std::uint64_t i = 0; i < term_count && !in.failed(); ++i) {
    const std::uint64_t topic = in.unsigned_varlong();
    const std::uint64_t kind = in.unsigned_varlong();
    const ByteView bytes = in.take(in.unsigned_varlong());
    if (in.failed() || topic >= topics.size() || kind > kKindMax)
      return fail(Code::kCorrupt, "a term");
    terms_.push_back({topics[topic],
                      kind == kNoKind ? std::nullopt : std::optional(static_cast<TermKind>(kind)),
                      bytes});
  }
  if (in.failed()) return fail(Code::kCorrupt, "the terms");
  entries_at_ = payload.size() - in.left_bytes();
  return {};
}

Result<bool> FloorFileReader::next() {
  while (true) {
    if (left_ == 0) {
      STELE_TRY(const bool more, next_block());
      if (!more) return false;
    }
    VarintReader in(ByteView(block_).subspan(entries_at_));
    entry_.position = entry_.position.next(static_cast<std::int64_t>(in.unsigned_varlong()));
    const std::uint64_t term = in.unsigned_varlong();
    entry_.partition = static_cast<std::int32_t>(in.unsigned_varint());
    if (in.failed() || term >= terms_.size())
      return std::unexpected(damaged("a block before that"));
    entries_at_ = block_.size() - in.left_bytes();
    --left_;
    entry_.topic = terms_[term].topic;
    entry_.kind = terms_[term].kind;
    entry_.bytes = terms_[term].bytes;
    if (entry_.position >= from_) return true;
  }
}

}  // namespace stele::log
