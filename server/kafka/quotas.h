// Measures what each client uses and says how long it must pause: the enforcement of quotas.
//
//   request ─► client(user, client id) ─► charged when it is answered ─► answer says the pause
//              └ shares its rates with whom the winning entry does not tell apart      └ channel
//              muted
//
// Invariants: nothing is measured while no quota is configured; at most `clients_max` clients are
// known at a time, beyond it those that are new share one rate.
// Thread: the loop's.
#pragma once

#include <array>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "server/core/sampled_rate.h"
#include "server/kafka/quota_limits.h"

namespace stele::kafka {

/// One client id of one user, its limits and the rates that they are held against.
class QuotaClient {
public:
  /// Adds to the rate; how long the client is to pause for it, 0 if it is within its limit.
  std::chrono::nanoseconds record(QuotaKind kind, double amount, std::chrono::nanoseconds now);
  /// Takes back what was just recorded: it was not used after all.
  void take_back(QuotaKind kind, double amount, std::chrono::nanoseconds now);
  /// Nothing was used in the whole window.
  [[nodiscard]] bool is_unused(QuotaKind kind, std::chrono::nanoseconds now) const;
  /// The most that fits the limit at once; nullopt: no limit.
  [[nodiscard]] std::optional<double> burst(QuotaKind kind) const;

private:
  friend class Quotas;
  struct Rate {
    server::SampledRate rate;
    std::chrono::nanoseconds last_used{0};
  };
  struct Held {
    double limit = 0;
    double burst = 0;
    std::shared_ptr<Rate> rate;  ///< null: no limit
  };
  std::array<Held, kQuotaKindCount> held_;
  std::chrono::nanoseconds last_used_{0};
};
using QuotaClientPtr = std::shared_ptr<QuotaClient>;

class Quotas {
public:
  struct Options {
    server::SampledRate::Window window;
    std::size_t clients_max = 10'000;
  };

  explicit Quotas(Options options) : options_(options) {}

  /// Whose answers are enforced from now on; null: nobody's. Outlives this.
  void set_limits(const QuotaLimits* limits) { limits_ = limits; }
  /// Null: nothing limits it.
  [[nodiscard]] QuotaClientPtr client(std::string_view user, std::string_view client_id,
                                      std::chrono::nanoseconds now);

  /// The handling of a request begins.
  void begin_work(std::chrono::nanoseconds now) { work_began_ = now; }
  /// Time of the thread that was spent on it and not yet taken, in percent of a second. 0 if none
  /// is being handled: what is answered later waits for others.
  [[nodiscard]] double take_work(std::chrono::nanoseconds now);
  [[nodiscard]] double end_work(std::chrono::nanoseconds now);

  [[nodiscard]] std::size_t client_count() const { return clients_.size(); }
  [[nodiscard]] std::size_t rate_count() const { return rates_.size(); }

private:
  using Rates = std::unordered_map<std::string, std::shared_ptr<QuotaClient::Rate>>;
  QuotaClientPtr make_client(std::string_view user, std::string_view client_id,
                             std::string_view measured_as, std::chrono::nanoseconds now);
  void forget_idle(std::chrono::nanoseconds now);

  const Options options_;
  const QuotaLimits* limits_ = nullptr;
  std::uint64_t generation_ = 0;
  std::unordered_map<std::string, QuotaClientPtr> clients_;  ///< by user and client id
  Rates rates_;
  std::chrono::nanoseconds forgotten_at_{0};
  std::optional<std::chrono::nanoseconds> work_began_;
};

}  // namespace stele::kafka
