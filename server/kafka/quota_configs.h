// The quotas that AlterClientQuotas has set: kept as properties of the store, asked by those who
// enforce them.
//
//   property "quota:client-id=app&user=alice:producer_byte_rate" = "1048576"
//             a type without "=" is the default of its type; names are percent-encoded
//
// Invariant: what is here is durable in the store. Thread: the loop's.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "log/store/store.h"
#include "server/kafka/quota_limits.h"

namespace stele::kafka {

inline constexpr std::string_view kQuotaUser = "user";
inline constexpr std::string_view kQuotaClientId = "client-id";
inline constexpr std::string_view kQuotaIp = "ip";

/// Whom a quota is for: names by type; nullopt is the default of its type.
struct QuotaEntity {
  std::map<std::string, std::optional<std::string>, std::less<>> parts;

  friend auto operator<=>(const QuotaEntity&, const QuotaEntity&) = default;
};

using QuotaValues = std::map<std::string, double, std::less<>>;

/// The property that holds the quota `key` of the entity.
[[nodiscard]] std::string quota_property(const QuotaEntity& entity, std::string_view key);

/// The keys that an entity may have. `integral`: fractions are refused; `most`: the greatest value.
struct QuotaKey {
  std::string_view name;
  bool of_ip;
  bool integral;
  double most;
  std::string_view type;
};
[[nodiscard]] std::span<const QuotaKey> quota_keys();

class QuotaConfigs final : public QuotaLimits {
public:
  /// Properties that are not quotas, or not readable as such, are left alone.
  explicit QuotaConfigs(const log::Properties& properties);

  /// Changes that the store has made durable.
  void apply(const log::PropertyChanges& changes);
  [[nodiscard]] const std::map<QuotaEntity, QuotaValues>& all() const { return quotas_; }

  std::optional<QuotaLimit> limit_of(std::string_view user, std::string_view client_id,
                                     QuotaKind kind) const override;
  std::optional<double> connection_rate_of(std::string_view ip) const override;
  std::uint64_t generation() const override { return generation_; }

private:
  void put(std::string_view property, const std::optional<std::string>& value);
  [[nodiscard]] std::optional<double> value_of(const QuotaEntity& entity,
                                               std::string_view key) const;

  std::map<QuotaEntity, QuotaValues> quotas_;
  std::uint64_t generation_ = 0;
};

}  // namespace stele::kafka
