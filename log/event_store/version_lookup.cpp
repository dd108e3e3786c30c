#include "log/event_store/version_lookup.h"

namespace stele::log {
namespace {

constexpr std::size_t kReadersMax = 256;

}  // namespace

Result<std::optional<Version>> VersionLookup::find(const TopicInfo& topic, ByteView key,
                                                   Position position) {
  if (!is_indexed(topic)) return std::nullopt;
  if (readers_.size() >= kReadersMax) readers_.clear();
  std::unique_ptr<PostingReader>& reader =
      readers_[{.topic = topic.id, .key = std::string(as_text(key))}];
  if (reader == nullptr) {
    const TermIndex& index = store_.index();
    STELE_TRY(reader, index.postings(index.hasher().stream(topic.id, key).view()));
  }
  STELE_TRY(const auto found, reader->forward(position, 1));
  if (found.empty() || found.front().position != position) return std::nullopt;
  return Version(found.front().number);
}

}  // namespace stele::log
