#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <set>

#include "log/base/fail.h"
#include "server/kafka/handlers.h"
#include "server/kafka/wire/client_quotas.h"

namespace stele::kafka {

namespace {

/// Why something is refused.
struct Refusal {
  ErrorCode error = ErrorCode::kInvalidRequest;
  std::string message;
};
using MaybeRefusal = std::optional<Refusal>;

MaybeRefusal invalid(std::string message) {
  return Refusal{ErrorCode::kInvalidRequest, std::move(message)};
}

bool is_entity_type(std::string_view type) {
  return type == kQuotaUser || type == kQuotaClientId || type == kQuotaIp;
}

// --- changing

struct AlterCall {
  Broker& broker;
  Request request;
  AlterClientQuotasResponse response{};
  std::size_t waiting = 0;
};

void finish(AlterCall& call) {
  for (const AlteredClientQuota& entry : call.response.entries) {
    call.broker.metrics.count_error(call.request.api, entry.error_code);
  }
  answer(call.request, call.response, call.broker.env.now());
}

/// The address as connections tell theirs. Names are not looked up: that would block.
std::optional<std::string> canonical_address(const std::string& text) {
  std::array<std::byte, sizeof(in6_addr)> address{};
  std::array<char, INET6_ADDRSTRLEN> canonical{};
  for (const int family : {AF_INET, AF_INET6}) {
    if (inet_pton(family, text.c_str(), address.data()) != 1) continue;
    return inet_ntop(family, address.data(), canonical.data(), canonical.size());
  }
  return std::nullopt;
}

MaybeRefusal take_entity(const AlterClientQuota& asked, QuotaEntity& entity) {
  if (asked.entity.empty()) return invalid("Invalid empty client quota entity");
  for (const AlterQuotaEntity& part : asked.entity) {
    if (!is_entity_type(part.entity_type)) {
      return invalid(fmt::format("Unhandled client quota entity type: {}", part.entity_type));
    }
    if (part.entity_name && part.entity_name->empty()) {
      return invalid(fmt::format("Empty {} not supported", part.entity_type));
    }
    std::optional<std::string> name;
    if (part.entity_name) name = std::string(*part.entity_name);
    if (!entity.parts.emplace(part.entity_type, std::move(name)).second) {
      return invalid(
          fmt::format("Invalid client quota entity, duplicate entity entry {}", part.entity_type));
    }
  }
  const auto ip = entity.parts.find(kQuotaIp);
  if (ip == entity.parts.end()) return std::nullopt;
  const auto address = ip->second ? canonical_address(*ip->second) : std::nullopt;
  if (entity.parts.size() > 1) {
    return invalid(
        "Invalid quota entity combination, IP entity should not be combined with User "
        "or ClientId");
  }
  if (ip->second && !address) {
    return invalid(fmt::format("{} is not a valid IP or resolvable host.", *ip->second));
  }
  ip->second = address;
  return std::nullopt;
}

MaybeRefusal check_value(const QuotaKey& key, double value) {
  if (!(value > 0)) return invalid(fmt::format("Quota {} must be greater than 0", key.name));
  if (!key.integral) return std::nullopt;
  if (value > key.most) {
    return invalid(fmt::format("Proposed value for {} is too large for a {}.", key.name, key.type));
  }
  constexpr double kRounding = 1e-6;
  if (std::abs(value - std::round(value)) > kRounding) {
    return invalid(fmt::format("{} cannot be a fractional value.", key.name));
  }
  return std::nullopt;
}

MaybeRefusal take_changes(const AlterClientQuota& asked, const QuotaEntity& entity,
                          log::PropertyChanges& changes) {
  const bool of_ip = entity.parts.contains(kQuotaIp);
  for (const AlterQuotaOperation& op : asked.ops) {
    const auto key = std::ranges::find_if(quota_keys(), [&](const QuotaKey& known) {
      return known.name == op.key && known.of_ip == of_ip;
    });
    if (key == quota_keys().end()) {
      return invalid(fmt::format("Invalid configuration key {}", op.key));
    }
    std::optional<std::string> value;
    if (!op.remove) {
      if (auto refusal = check_value(*key, op.value)) return refusal;
      value = fmt::format("{}", key->integral ? std::round(op.value) : op.value);
    }
    if (!changes.emplace(quota_property(entity, op.key), std::move(value)).second) {
      return invalid(fmt::format("Duplicate quota key {}", op.key));
    }
  }
  return std::nullopt;
}

void put(const std::shared_ptr<AlterCall>& call, std::size_t index, log::PropertyChanges changes) {
  if (changes.empty()) return;
  ++call->waiting;
  call->broker.store.put_properties_async(
      changes, [call, index, changes](const Result<void>& done) {
        if (done) {
          call->broker.quota_configs.apply(changes);
        } else {
          AlteredClientQuota& entry = call->response.entries[index];
          entry.error_code = error_code(done.error().code, AnswerTo::kAdmin);
          entry.error_message = done.error().detail;
        }
        if (--call->waiting == 0) finish(*call);
      });
}

// --- telling

/// The components by type; nothing else is in them.
using Filter = std::map<std::string_view, const ClientQuotaFilter*>;

MaybeRefusal check_component(const ClientQuotaFilter& component) {
  constexpr std::int8_t kExact = 0;
  constexpr std::int8_t kAny = 2;
  if (component.entity_type.empty()) return invalid("Invalid empty entity type.");
  if (!is_entity_type(component.entity_type)) {
    return Refusal{ErrorCode::kUnsupportedVersion,
                   fmt::format("Unsupported entity type {}", component.entity_type)};
  }
  if (component.match_type < kExact || component.match_type > kAny) {
    return invalid(fmt::format("Unknown match type {}", component.match_type));
  }
  if (component.match_type == kExact && !component.match) {
    return invalid("Request specified MATCH_TYPE_EXACT, but set match string to null.");
  }
  if (component.match_type != kExact && component.match) {
    return invalid(
        fmt::format("Request specified MATCH_TYPE_{}, but also specified a match string.",
                    component.match_type == kAny ? "SPECIFIED" : "DEFAULT"));
  }
  return std::nullopt;
}

MaybeRefusal take_filter(const DescribeClientQuotasRequest& asked, Filter& filter) {
  for (const ClientQuotaFilter& component : asked.components) {
    if (auto refusal = check_component(component)) return refusal;
    if (!filter.emplace(component.entity_type, &component).second) {
      return invalid(fmt::format("Entity type {} cannot appear more than once in the filter.",
                                 component.entity_type));
    }
  }
  if (filter.contains(kQuotaIp) && filter.size() > 1) {
    return invalid(
        "Invalid entity filter component combination. IP filter component should not be "
        "used with user or clientId filter component.");
  }
  return std::nullopt;
}

bool matches(const Filter& filter, bool strict, const QuotaEntity& entity) {
  if (strict && entity.parts.size() != filter.size()) return false;
  return std::ranges::all_of(filter, [&](const auto& component) {
    const auto part = entity.parts.find(component.first);
    if (part == entity.parts.end()) return false;
    const ClientQuotaFilter& wanted = *component.second;
    if (wanted.match_type == 2) return true;
    return part->second.has_value() == wanted.match.has_value() &&
           part->second.value_or("") == wanted.match.value_or("");
  });
}

DescribedClientQuota described(const QuotaEntity& entity, const QuotaValues& values) {
  DescribedClientQuota entry;
  for (const auto& [type, name] : entity.parts) entry.entity.push_back({type, name});
  for (const auto& [key, value] : values) entry.values.push_back({key, value});
  return entry;
}

}  // namespace

Next handle_alter_client_quotas(Broker& broker, Request request) {
  const auto asked = read_body<AlterClientQuotasRequest>(request);
  if (!asked) return Next::kClose;
  auto call = std::make_shared<AlterCall>(AlterCall{.broker = broker, .request = request});
  std::set<QuotaEntity> seen;
  call->waiting = 1;  // this call itself, so that it is not answered half-way
  for (const AlterClientQuota& change : asked->entries) {
    AlteredClientQuota& answered = call->response.entries.emplace_back();
    answered.error_message.reset();
    for (const AlterQuotaEntity& part : change.entity) {
      std::optional<std::string> name;
      if (part.entity_name) name = std::string(*part.entity_name);
      answered.entity.push_back({std::string(part.entity_type), std::move(name)});
    }
    QuotaEntity entity;
    log::PropertyChanges changes;
    auto refusal = take_entity(change, entity);
    if (!refusal) refusal = take_changes(change, entity, changes);
    if (!refusal && !seen.insert(entity).second) refusal = invalid("Duplicate entity");
    if (refusal) {
      answered.error_code = refusal->error;
      answered.error_message = std::move(refusal->message);
    } else if (!asked->validate_only) {
      put(call, call->response.entries.size() - 1, std::move(changes));
    }
  }
  call->request.let_go_of_frame();
  if (--call->waiting == 0) finish(*call);
  return Next::kWait;
}

Next handle_describe_client_quotas(Broker& broker, const Request& request) {
  const auto asked = read_body<DescribeClientQuotasRequest>(request);
  if (!asked) return Next::kClose;
  DescribeClientQuotasResponse response;
  response.error_message.reset();
  Filter filter;
  if (auto refusal = take_filter(*asked, filter)) {
    response.error_code = refusal->error;
    response.error_message = std::move(refusal->message);
    response.entries.reset();
    broker.metrics.count_error(request.api, response.error_code);
  } else {
    for (const auto& [entity, values] : broker.quota_configs.all()) {
      if (matches(filter, asked->strict, entity)) {
        response.entries->push_back(described(entity, values));
      }
    }
  }
  answer(request, response, broker.env.now());
  return Next::kGoOn;
}

}  // namespace stele::kafka
