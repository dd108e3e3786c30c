#include "server/kafka/quota_configs.h"

#include <array>
#include <charconv>
#include <limits>

#include "log/base/fail.h"

namespace stele::kafka {

namespace {

constexpr std::string_view kPrefix = "quota:";
constexpr std::string_view kConnectionRate = "connection_creation_rate";
constexpr double kLongMost = 9'223'372'036'854'775'807.0;

constexpr std::array kKeys = std::to_array<QuotaKey>({
    {"producer_byte_rate", false, true, kLongMost, "LONG"},
    {"consumer_byte_rate", false, true, kLongMost, "LONG"},
    {"request_percentage", false, false, std::numeric_limits<double>::max(), "DOUBLE"},
    {kConnectionRate, true, true, 2'147'483'647.0, "INT"},
});

std::string_view key_of(QuotaKind kind) {
  return kKeys[static_cast<std::size_t>(kind)].name;
}

bool is_plain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
         c == '_' || c == '-';
}

std::string encoded(std::string_view name) {
  std::string text;
  for (const char c : name) {
    text += is_plain(c) ? std::string(1, c) : fmt::format("%{:02x}", static_cast<std::uint8_t>(c));
  }
  return text;
}

std::optional<std::string> decoded(std::string_view text) {
  std::string name;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      name += text[i];
      continue;
    }
    std::uint8_t byte = 0;
    const char* digits = text.data() + i + 1;
    if (i + 2 >= text.size()) return std::nullopt;
    if (std::from_chars(digits, digits + 2, byte, 16).ptr != digits + 2) return std::nullopt;
    name += static_cast<char>(byte);
    i += 2;
  }
  return name;
}

/// One "type" or "type=name".
bool read_part(std::string_view text, QuotaEntity& into) {
  const std::size_t equals = text.find('=');
  const std::string type(text.substr(0, equals));
  if (type.empty()) return false;
  if (equals == std::string_view::npos) {
    into.parts.emplace(type, std::nullopt);
    return true;
  }
  auto name = decoded(text.substr(equals + 1));
  if (!name) return false;
  into.parts.emplace(type, *std::move(name));
  return true;
}

std::optional<QuotaEntity> read_entity(std::string_view text) {
  QuotaEntity entity;
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t end = std::min(text.find('&', at), text.size());
    if (!read_part(text.substr(at, end - at), entity)) return std::nullopt;
    at = end + 1;
  }
  return entity;
}

std::optional<double> read_value(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

using Part = std::optional<std::optional<std::string>>;  ///< no such part, the default, a name

QuotaEntity entity_of(Part user, Part client_id) {
  QuotaEntity entity;
  if (user) entity.parts.emplace(kQuotaUser, *std::move(user));
  if (client_id) entity.parts.emplace(kQuotaClientId, *std::move(client_id));
  return entity;
}

}  // namespace

std::span<const QuotaKey> quota_keys() {
  return kKeys;
}

std::string quota_property(const QuotaEntity& entity, std::string_view key) {
  std::string text(kPrefix);
  for (const auto& [type, name] : entity.parts) {
    if (text.size() > kPrefix.size()) text += '&';
    text += type;
    if (name) text += '=' + encoded(*name);
  }
  return fmt::format("{}:{}", text, key);
}

QuotaConfigs::QuotaConfigs(const log::Properties& properties) {
  for (const auto& [name, value] : properties) put(name, value);
}

void QuotaConfigs::apply(const log::PropertyChanges& changes) {
  for (const auto& [name, value] : changes) put(name, value);
}

void QuotaConfigs::put(std::string_view property, const std::optional<std::string>& value) {
  if (!property.starts_with(kPrefix)) return;
  property.remove_prefix(kPrefix.size());
  const std::size_t colon = property.rfind(':');
  if (colon == std::string_view::npos) return;
  const auto entity = read_entity(property.substr(0, colon));
  if (!entity) return;
  const std::string key(property.substr(colon + 1));
  ++generation_;
  if (const auto number = value ? read_value(*value) : std::nullopt) {
    quotas_[*entity][key] = *number;
    return;
  }
  const auto at = quotas_.find(*entity);
  if (at == quotas_.end()) return;
  at->second.erase(key);
  if (at->second.empty()) quotas_.erase(at);
}

std::optional<double> QuotaConfigs::value_of(const QuotaEntity& entity,
                                             std::string_view key) const {
  const auto at = quotas_.find(entity);
  if (at == quotas_.end()) return std::nullopt;
  const auto value = at->second.find(key);
  return value == at->second.end() ? std::nullopt : std::optional(value->second);
}

std::optional<QuotaLimit> QuotaConfigs::limit_of(std::string_view user, std::string_view client_id,
                                                 QuotaKind kind) const {
  if (quotas_.empty()) return std::nullopt;
  struct Choice {
    Part user;
    Part client_id;
    QuotaScope scope;
  };
  const Part this_user = std::optional(std::string(user));
  const Part this_client = std::optional(std::string(client_id));
  const Part any = std::optional<std::string>();
  const Choice choices[] = {
      {this_user, this_client, QuotaScope::kUserAndClient},
      {this_user, any, QuotaScope::kUserAndClient},
      {this_user, std::nullopt, QuotaScope::kUser},
      {any, this_client, QuotaScope::kUserAndClient},
      {any, any, QuotaScope::kUserAndClient},
      {any, std::nullopt, QuotaScope::kUser},
      {std::nullopt, this_client, QuotaScope::kClient},
      {std::nullopt, any, QuotaScope::kClient},
  };
  for (const Choice& choice : choices) {
    const auto value = value_of(entity_of(choice.user, choice.client_id), key_of(kind));
    if (value) return QuotaLimit{*value, choice.scope};
  }
  return std::nullopt;
}

std::optional<double> QuotaConfigs::connection_rate_of(std::string_view ip) const {
  if (quotas_.empty()) return std::nullopt;
  QuotaEntity entity;
  entity.parts.emplace(kQuotaIp, std::string(ip));
  if (const auto value = value_of(entity, kConnectionRate)) return value;
  entity.parts.at(std::string(kQuotaIp)).reset();
  return value_of(entity, kConnectionRate);
}

}  // namespace stele::kafka
