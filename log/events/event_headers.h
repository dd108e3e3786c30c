// Names of the headers that carry an event's attributes (CloudEvents' Kafka binding, binary mode),
// and what attribute names are legal and free. Thread: any.
#pragma once

#include <cstdint>
#include <string_view>

namespace stele::log {

inline constexpr std::string_view kAttributePrefix = "ce_";

enum class EventHeader : std::uint8_t {
  kSpecVersion,
  kId,
  kType,
  kSource,
  kSubject,
  kTime,
  kDataSchema,
  kContentType,
  kTags,
  kExtension,  ///< ce_ and a legal attribute name that is not one of the above
  kPlain,      ///< anything else
};

/// What a header of this name carries.
[[nodiscard]] EventHeader event_header(std::string_view header_name);
/// The name of a header that is neither kExtension nor kPlain.
[[nodiscard]] std::string_view header_name(EventHeader header);

inline constexpr std::size_t kAttributeNameBytesMax = 128;

/// 1…128 of a-z and 0-9, as CloudEvents has it (which recommends at most 20).
[[nodiscard]] bool is_attribute_name(std::string_view name);

/// True if an extension may not have this name: CloudEvents or Stele gives it a meaning of its own.
[[nodiscard]] bool is_reserved_attribute(std::string_view name);

}  // namespace stele::log
