#include "projections/fold/definition.h"

#include <algorithm>

#include "log/base/checksum.h"
#include "log/base/fail.h"

namespace stele::projections {

namespace {

constexpr std::size_t kNameBytesMax = 100;

bool is_name_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
         c == '_' || c == '-';
}

Result<void> check_name(const Definition& definition) {
  const std::string& name = definition.name;
  if (name.empty() || name.size() > kNameBytesMax ||
      !std::ranges::all_of(name, is_name_character)) {
    return fail(Code::kInvalid, "projection '{}': a name is 1 to {} of a-z A-Z 0-9 . _ -", name,
                kNameBytesMax);
  }
  if (name == "." || name == "..") {
    return fail(Code::kInvalid, "projection '{}': this name cannot be a folder's", name);
  }
  if (definition.version == 0) {
    return fail(Code::kInvalid, "projection {}: versions count from 1", name);
  }
  return {};
}

Result<void> check_topics(const Definition& definition) {
  if (definition.topics.empty()) {
    return fail(Code::kInvalid, "projection {}: no topic; say .from(\"topic\")", definition.name);
  }
  std::vector<std::string> sorted = definition.topics;
  std::ranges::sort(sorted);
  if (sorted.front().empty()) {
    return fail(Code::kInvalid, "projection {}: a topic without a name", definition.name);
  }
  if (const auto twice = std::ranges::adjacent_find(sorted); twice != sorted.end()) {
    return fail(Code::kInvalid, "projection {}: topic {} is given twice", definition.name, *twice);
  }
  return {};
}

Result<void> check_handlers(const Definition& definition) {
  if (!definition.mistakes.empty()) {
    return fail(Code::kInvalid, "projection {}: {}", definition.name, definition.mistakes.front());
  }
  if (definition.handlers.empty() && !definition.otherwise) {
    return fail(Code::kInvalid, "projection {}: no handler; say .on<Event>(…)", definition.name);
  }
  const auto unordered = std::ranges::adjacent_find(
      definition.handlers,
      [](const Handler& left, const Handler& right) { return left.type >= right.type; });
  if (unordered != definition.handlers.end()) {
    return fail(Code::kInvalid,
                "projection {}: event type '{}' has two handlers, or they are unsorted",
                definition.name, unordered->type);
  }
  return {};
}

Result<void> check_lookups(const Definition& definition) {
  std::vector<std::string_view> names{definition.name};
  for (const DefinitionPtr& lookup : definition.lookups) {
    if (lookup == nullptr) {
      return fail(Code::kInvalid, "projection {}: a lookup that is null", definition.name);
    }
    if (!lookup->lookups.empty()) {
      return fail(Code::kInvalid,
                  "projection {}: lookup {} looks things up itself; only one level is folded",
                  definition.name, lookup->name);
    }
    if (lookup->has_effects || !lookup->publish_topic.empty()) {
      return fail(
          Code::kInvalid,
          "projection {}: lookup {} has effects or publishes; run it as a projection of its "
          "own for that",
          definition.name, lookup->name);
    }
    if (std::ranges::find(names, lookup->name) != names.end()) {
      return fail(Code::kInvalid, "projection {}: two folds named {}", definition.name,
                  lookup->name);
    }
    names.push_back(lookup->name);
    STELE_DO(check_definition(*lookup));
  }
  return {};
}

void add_line(std::string& to, std::string_view what, std::string_view value) {
  fmt::format_to(std::back_inserter(to), "{}: {}\n", what, value);
}

}  // namespace

const Handler* Definition::find(std::string_view type) const {
  constexpr std::size_t kScannedMax = 8;  // fewer compares of sizes than halving would be of texts
  const auto fallback = [this] { return otherwise ? &*otherwise : nullptr; };
  if (handlers.size() <= kScannedMax) {
    for (const Handler& handler : handlers) {
      if (handler.type == type) return &handler;
    }
    return fallback();
  }
  const auto found = std::ranges::lower_bound(
      handlers, type, {}, [](const Handler& handler) -> std::string_view { return handler.type; });
  return found != handlers.end() && found->type == type ? &*found : fallback();
}

std::string Definition::described() const {
  std::string text;
  add_line(text, "projection", name);
  std::vector<std::string> sorted = topics;
  std::ranges::sort(sorted);
  for (const std::string& topic : sorted) add_line(text, "from", topic);
  add_line(text, "state", state.shape);
  for (const Handler& handler : handlers) {
    add_line(text, handler.type.empty() ? "on events without a type" : "on " + handler.type,
             handler.shape);
  }
  if (otherwise) add_line(text, "on any other", otherwise->shape);
  for (const DefinitionPtr& lookup : lookups) {
    add_line(text, "looks up",
             fmt::format("{} version {}, fingerprint {:016x}", lookup->name, lookup->version,
                         lookup->fingerprint()));
  }
  return text;
}

std::uint64_t Definition::fingerprint() const {
  return checksum(as_bytes(described()), 0);
}

Result<void> check_definition(const Definition& definition) {
  STELE_DO(check_name(definition));
  STELE_DO(check_topics(definition));
  STELE_DO(check_handlers(definition));
  STELE_DO(check_lookups(definition));
  if (definition.poison == PoisonPolicy::kPark && definition.park_topic.empty()) {
    return fail(Code::kInvalid, "projection {}: parks poison events, but no topic says where",
                definition.name);
  }
  if (std::ranges::find(definition.topics, definition.park_topic) != definition.topics.end()) {
    return fail(Code::kInvalid, "projection {}: parks poison events in {}, which it folds",
                definition.name, definition.park_topic);
  }
  if (std::ranges::find(definition.topics, definition.publish_topic) != definition.topics.end()) {
    return fail(Code::kInvalid, "projection {}: publishes to {}, which it folds", definition.name,
                definition.publish_topic);
  }
  return {};
}

}  // namespace stele::projections
