// Quotas as configured: which limit holds for whom, changing and describing them.
#include "server/kafka/wire/client_quotas.h"
#include <cmath>

#include "server/kafka/quota_configs.h"
#include "tests/server/kafka/broker_harness.h"

namespace stele::kafka::test {
namespace {

constexpr std::string_view kProduce = "producer_byte_rate";

using Parts = std::vector<AlterQuotaEntity>;

class ClientQuotas : public BrokerTest {
protected:
  AlteredClientQuota alter(Parts entity, std::vector<AlterQuotaOperation> ops,
                           bool validate_only = false) {
    AlterClientQuotasRequest request;
    request.entries = {{std::move(entity), std::move(ops)}};
    request.validate_only = validate_only;
    return broker().ask<AlterClientQuotasResponse>(1, request).entries.at(0);
  }
  void set(Parts entity, double value) {
    EXPECT_EQ(alter(std::move(entity), {{kProduce, value, false}}).error_code, ErrorCode::kNone);
  }
  DescribeClientQuotasResponse describe(std::vector<ClientQuotaFilter> filter,
                                        bool strict = false) {
    DescribeClientQuotasRequest request;
    request.components = std::move(filter);
    request.strict = strict;
    return broker().ask<DescribeClientQuotasResponse>(1, request);
  }
  std::optional<QuotaLimit> limit(std::string_view user, std::string_view client) {
    return broker().broker.quota_configs.limit_of(user, client, QuotaKind::kProducerBytes);
  }
};

TEST_F(ClientQuotas, TheMostTellingEntryWins) {
  struct Case {
    Parts entity;
    double value;
    QuotaScope scope;
  };
  const Case by_rising_weight[] = {
      {{{"client-id", std::nullopt}}, 1, QuotaScope::kClient},
      {{{"client-id", "app"}}, 2, QuotaScope::kClient},
      {{{"user", std::nullopt}}, 3, QuotaScope::kUser},
      {{{"user", std::nullopt}, {"client-id", std::nullopt}}, 4, QuotaScope::kUserAndClient},
      {{{"user", std::nullopt}, {"client-id", "app"}}, 5, QuotaScope::kUserAndClient},
      {{{"user", "al"}}, 6, QuotaScope::kUser},
      {{{"user", "al"}, {"client-id", std::nullopt}}, 7, QuotaScope::kUserAndClient},
      {{{"user", "al"}, {"client-id", "app"}}, 8, QuotaScope::kUserAndClient},
  };
  EXPECT_FALSE(limit("al", "app"));
  for (const Case& c : by_rising_weight) {
    set(c.entity, c.value);
    const auto found = limit("al", "app");
    ASSERT_TRUE(found);
    EXPECT_EQ(found->per_second, c.value);
    EXPECT_EQ(found->scope, c.scope);
  }
  EXPECT_EQ(limit("bo", "app")->per_second, 5);
  EXPECT_EQ(limit("bo", "other")->per_second, 4);
  EXPECT_EQ(limit("al", "other")->per_second, 7);
  EXPECT_FALSE(broker().broker.quota_configs.limit_of("al", "app", QuotaKind::kConsumerBytes));
}

TEST_F(ClientQuotas, ConnectionRatesAreByAddress) {
  const auto& configs = broker().broker.quota_configs;
  EXPECT_EQ(alter({{"ip", std::nullopt}}, {{"connection_creation_rate", 100, false}}).error_code,
            ErrorCode::kNone);
  EXPECT_EQ(alter({{"ip", "0:0:0:0:0:0:0:1"}}, {{"connection_creation_rate", 5, false}}).error_code,
            ErrorCode::kNone);
  EXPECT_EQ(configs.connection_rate_of("10.0.0.1"), 100);
  EXPECT_EQ(configs.connection_rate_of("::1"), 5);
  EXPECT_FALSE(configs.limit_of("", "", QuotaKind::kProducerBytes));
}

TEST_F(ClientQuotas, TheyLiveInTheStoreWhateverTheNames) {
  const std::string odd = "a=b&c:d%20\xc3\xbc";
  set({{"user", odd}, {"client-id", "app"}}, 1234567890123);
  const std::uint64_t before = broker().broker.quota_configs.generation();
  with({});  // started again
  EXPECT_EQ(limit(odd, "app")->per_second, 1234567890123);
  EXPECT_GT(broker().broker.quota_configs.generation(), 0U);
  EXPECT_EQ(alter({{"user", odd}, {"client-id", "app"}}, {{kProduce, 0, true}}).error_code,
            ErrorCode::kNone);
  EXPECT_GT(broker().broker.quota_configs.generation(), before);
  EXPECT_FALSE(limit(odd, "app"));
  EXPECT_TRUE(store.properties().empty());
}

TEST_F(ClientQuotas, ValidateOnlyAndAFailedStoreChangeNothing) {
  EXPECT_EQ(alter({{"user", "al"}}, {{kProduce, 5, false}}, true).error_code, ErrorCode::kNone);
  EXPECT_FALSE(limit("al", "x"));
  store.fail_appends(Code::kIo);
  EXPECT_EQ(alter({{"user", "al"}}, {{kProduce, 5, false}}).error_code,
            ErrorCode::kKafkaStorageError);
  EXPECT_FALSE(limit("al", "x"));
}

TEST_F(ClientQuotas, WhatCannotBeIsRefused) {
  struct Case {
    Parts entity;
    AlterQuotaOperation op;
    std::string_view why;
  };
  const AlterQuotaOperation fine{kProduce, 5, false};
  for (const Case& c :
       {Case{{}, fine, "Invalid empty client quota entity"},
        Case{{{"group", "g"}}, fine, "Unhandled client quota entity type: group"},
        Case{{{"user", ""}}, fine, "Empty user not supported"},
        Case{{{"user", "a"}, {"user", "b"}}, fine, "duplicate entity entry user"},
        Case{{{"ip", "1.2.3.4"}, {"user", "b"}}, fine, "Invalid quota entity combination"},
        Case{{{"ip", "nowhere"}}, {"connection_creation_rate", 5, false}, "is not a valid IP"},
        Case{{{"ip", "1.2.3.4"}}, fine, "Invalid configuration key producer_byte_rate"},
        Case{{{"user", "a"}}, {"connection_creation_rate", 5, false}, "Invalid configuration key"},
        Case{{{"user", "a"}}, {"controller_mutation_rate", 5, false}, "Invalid configuration key"},
        Case{{{"user", "a"}}, {kProduce, 0, false}, "must be greater than 0"},
        Case{{{"user", "a"}}, {kProduce, std::nan(""), false}, "must be greater than 0"},
        Case{{{"user", "a"}}, {kProduce, 1.5, false}, "cannot be a fractional value"},
        Case{{{"user", "a"}}, {kProduce, 1e30, false}, "is too large for a LONG"}}) {
    const auto refused = alter(c.entity, {c.op});
    EXPECT_EQ(refused.error_code, ErrorCode::kInvalidRequest) << c.why;
    EXPECT_NE(refused.error_message.value_or("").find(c.why), std::string::npos)
        << refused.error_message.value_or("");
  }
  EXPECT_TRUE(store.properties().empty());
}

TEST_F(ClientQuotas, FiltersFindEntitiesByTheirParts) {
  set({{"user", "al"}}, 1);
  set({{"user", std::nullopt}}, 2);
  set({{"user", "al"}, {"client-id", "app"}}, 3);
  const auto count = [&](std::vector<ClientQuotaFilter> filter, bool strict = false) {
    return describe(std::move(filter), strict).entries->size();
  };
  EXPECT_EQ(count({}), 3U);
  EXPECT_EQ(count({}, true), 0U);
  EXPECT_EQ(count({{"user", 0, "al"}}), 2U);
  EXPECT_EQ(count({{"user", 0, "al"}}, true), 1U);
  EXPECT_EQ(count({{"user", 1, std::nullopt}}), 1U);
  EXPECT_EQ(count({{"user", 2, std::nullopt}}), 3U);
  EXPECT_EQ(count({{"user", 2, std::nullopt}, {"client-id", 0, "app"}}, true), 1U);
  const auto one = describe({{"user", 0, "al"}}, true).entries->at(0);
  EXPECT_EQ(one.entity.at(0).entity_name, "al");
  EXPECT_EQ(one.values.at(0).key, kProduce);
  EXPECT_EQ(one.values.at(0).value, 1);
}

TEST_F(ClientQuotas, BadFiltersAreRefused) {
  struct Case {
    std::vector<ClientQuotaFilter> filter;
    ErrorCode error;
  };
  for (const Case& c :
       {Case{{{"", 0, "x"}}, ErrorCode::kInvalidRequest},
        Case{{{"group", 0, "x"}}, ErrorCode::kUnsupportedVersion},
        Case{{{"user", 3, std::nullopt}}, ErrorCode::kInvalidRequest},
        Case{{{"user", 0, std::nullopt}}, ErrorCode::kInvalidRequest},
        Case{{{"user", 1, "x"}}, ErrorCode::kInvalidRequest},
        Case{{{"user", 0, "x"}, {"user", 0, "y"}}, ErrorCode::kInvalidRequest},
        Case{{{"user", 0, "x"}, {"ip", 0, "1.2.3.4"}}, ErrorCode::kInvalidRequest}}) {
    const auto refused = describe(c.filter);
    EXPECT_EQ(refused.error_code, c.error);
    EXPECT_FALSE(refused.entries);
  }
}

}  // namespace
}  // namespace stele::kafka::test
