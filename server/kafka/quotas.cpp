#include "server/kafka/quotas.h"

#include <algorithm>
#include <utility>

namespace stele::kafka {

using namespace std::chrono_literals;

namespace {

constexpr auto kForgetEvery = 10s;

std::string joined(std::string_view user, std::string_view client_id) {
  std::string key(user);
  key += '\0';
  return key += client_id;
}

/// Those whom the entry does not tell apart have the same key.
std::string rate_key(std::string_view user, std::string_view client_id, QuotaKind kind,
                     QuotaScope scope) {
  std::string key{static_cast<char>('0' + static_cast<int>(kind)),
                  static_cast<char>('0' + static_cast<int>(scope))};
  if (scope == QuotaScope::kUser) return key += user;
  if (scope == QuotaScope::kClient) return key += client_id;
  return key += joined(user, client_id);
}

}  // namespace

std::chrono::nanoseconds QuotaClient::record(QuotaKind kind, double amount,
                                             std::chrono::nanoseconds now) {
  Held& held = held_[static_cast<std::size_t>(kind)];
  if (!held.rate) return 0ns;
  held.rate->last_used = now;
  held.rate->rate.record(amount, now);
  return held.rate->rate.excess(held.limit, now);
}

void QuotaClient::take_back(QuotaKind kind, double amount, std::chrono::nanoseconds now) {
  Held& held = held_[static_cast<std::size_t>(kind)];
  if (held.rate) held.rate->rate.take_back(amount, now);
}

bool QuotaClient::is_unused(QuotaKind kind, std::chrono::nanoseconds now) const {
  const Held& held = held_[static_cast<std::size_t>(kind)];
  return !held.rate || held.rate->rate.total(now) <= 0;
}

std::optional<double> QuotaClient::burst(QuotaKind kind) const {
  const Held& held = held_[static_cast<std::size_t>(kind)];
  return held.rate ? std::optional(held.burst) : std::nullopt;
}

QuotaClientPtr Quotas::client(std::string_view user, std::string_view client_id,
                              std::chrono::nanoseconds now) {
  if (limits_ == nullptr || limits_->generation() == 0) return nullptr;
  if (limits_->generation() != generation_) {
    clients_.clear();  // the rates stay: a changed limit does not forget what was used
    generation_ = limits_->generation();
  }
  if (now - forgotten_at_ >= kForgetEvery) forget_idle(now);
  const std::string key = joined(user, client_id);
  if (const auto at = clients_.find(key); at != clients_.end()) {
    at->second->last_used_ = now;
    return at->second;
  }
  if (clients_.size() >= options_.clients_max) return make_client(user, client_id, "", now);
  return clients_.emplace(key, make_client(user, client_id, client_id, now)).first->second;
}

/// Limits are those of `client_id`, the rates those of `measured_as`.
QuotaClientPtr Quotas::make_client(std::string_view user, std::string_view client_id,
                                   std::string_view measured_as, std::chrono::nanoseconds now) {
  auto made = std::make_shared<QuotaClient>();
  made->last_used_ = now;
  for (std::size_t i = 0; i < kQuotaKindCount; ++i) {
    const auto kind = static_cast<QuotaKind>(i);
    const auto limit = limits_->limit_of(user, client_id, kind);
    if (!limit) continue;
    auto& rate = rates_[rate_key(user, measured_as, kind, limit->scope)];
    if (!rate) rate = std::make_shared<QuotaClient::Rate>(server::SampledRate(options_.window));
    rate->last_used = now;
    made->held_[i] = {limit->per_second, limit->per_second * options_.window.full_seconds(), rate};
  }
  return made;
}

/// Whoever has used nothing for a whole window is as good as new.
void Quotas::forget_idle(std::chrono::nanoseconds now) {
  forgotten_at_ = now;
  const auto window =
      options_.window.sample * static_cast<std::int64_t>(options_.window.sample_count);
  std::erase_if(clients_, [&](const auto& row) { return now - row.second->last_used_ > window; });
  std::erase_if(rates_, [&](const auto& row) {
    return row.second.use_count() == 1 && now - row.second->last_used > window;
  });
}

double Quotas::take_work(std::chrono::nanoseconds now) {
  if (!work_began_) return 0;
  const auto spent = now - *std::exchange(work_began_, now);
  return std::chrono::duration<double>(std::max(spent, 0ns)).count() * 100;
}

double Quotas::end_work(std::chrono::nanoseconds now) {
  const double percent = take_work(now);
  work_began_.reset();
  return percent;
}

}  // namespace stele::kafka
