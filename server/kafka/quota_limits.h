// What clients may use, as configured: asked by the enforcement (quotas.h), answered by whoever
// keeps the configuration (Alter/DescribeClientQuotas).
//
// The most telling entry wins, Kafka's order:
//   user + client id, user + any client, user, any user + client id, any user + any client,
//   any user, client id, any client
// Thread: the loop's.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace stele::kafka {

enum class QuotaKind : std::uint8_t {
  kProducerBytes,  ///< producer_byte_rate, bytes a second
  kConsumerBytes,  ///< consumer_byte_rate, bytes a second
  kRequestTime,    ///< request_percentage, of one thread
};
inline constexpr std::size_t kQuotaKindCount = 3;

/// Who shares one measured rate: those whom the winning entry tells apart.
enum class QuotaScope : std::uint8_t { kUserAndClient, kUser, kClient };

struct QuotaLimit {
  double per_second = 0;
  QuotaScope scope = QuotaScope::kClient;
};

class QuotaLimits {
public:
  QuotaLimits() = default;
  QuotaLimits(const QuotaLimits&) = delete;
  QuotaLimits& operator=(const QuotaLimits&) = delete;
  virtual ~QuotaLimits() = default;

  /// nullopt: no limit.
  [[nodiscard]] virtual std::optional<QuotaLimit> limit_of(std::string_view user,
                                                           std::string_view client_id,
                                                           QuotaKind kind) const = 0;
  /// connection_creation_rate of the address, a second; nullopt: no limit.
  [[nodiscard]] virtual std::optional<double> connection_rate_of(std::string_view ip) const = 0;
  /// Changes whenever any answer may have changed. 0: nothing is configured.
  [[nodiscard]] virtual std::uint64_t generation() const = 0;
};

}  // namespace stele::kafka
