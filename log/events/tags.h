// Tags on the wire: the header ce_tags, a comma-separated list of percent-encoded UTF-8 strings.
//
//   ce_tags = course:c1, student:s%2C7    reads as   "course:c1"  "student:s,7"
//
// Spaces and tabs around a tag that are not encoded don't belong to it. A tag given twice counts
// once. A list is malformed if a tag in it is empty, longer than kTagBytesMax when decoded, not
// UTF-8 or wrongly encoded, or if there are more than kTagCountMax: the record then has no tags.
// The empty list has none either. Thread: its owner's.
#pragma once

#include <array>
#include <span>
#include <string>
#include <string_view>

#include "log/base/error.h"
#include "log/events/event.h"

namespace stele::log {

/// The tags of one record after the other. Allocates nothing for lists in which nothing is
/// percent-encoded.
class TagList {
public:
  TagList() = default;
  TagList(const TagList&) = delete;
  TagList& operator=(const TagList&) = delete;

  /// Forgets the tags before. False: the list is malformed, there are no tags.
  bool parse(std::string_view list);
  void clear() { count_ = 0; }

  /// Valid until the next parse(), as long as the bytes that parse() got.
  [[nodiscard]] std::span<const std::string_view> tags() const { return {tags_.data(), count_}; }

private:
  bool add(std::string_view encoded);
  [[nodiscard]] bool decode(std::string_view& tag);

  std::array<std::string_view, kTagCountMax> tags_;
  std::size_t count_ = 0;
  std::string decoded_;  ///< of the encoded ones; as large as the list from the first one on
};

/// kInvalid: there are too many; one is empty, too long or not UTF-8. The detail names it.
[[nodiscard]] Result<void> check_tags(std::span<const std::string> tags);

/// Appends `text` percent-encoded as a tag is, and also where it has `also`. Bytes of text that is
/// not UTF-8 are encoded from 0x80 on.
void append_encoded(std::string& to, std::string_view text, char also = ',');
/// The reverse, into the `to` behind what it holds. False: a '%' without two hex digits behind it.
[[nodiscard]] bool append_decoded(std::string& to, std::string_view encoded);

/// Appends the list that reads as `tags` (strings or views of them), which have passed
/// check_tags(). Encoded are '%', ',', '"', control characters, and spaces.
template <class Tags>
void append_tags(std::string& to, const Tags& tags) {
  bool first = true;
  for (const std::string_view tag : tags) {
    if (!first) to.push_back(',');
    first = false;
    append_encoded(to, tag);
  }
}

}  // namespace stele::log
