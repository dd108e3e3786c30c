// The settings of brokers and groups that DescribeConfigs tells of, under Kafka's names, with what
// each is here. A topic's are in log/store/topic_config.h; what steled was told itself is in
// BrokerOptions::configs and goes before this table.
// Thread: any; constant.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "log/base/error.h"
#include "log/store/topic_config.h"

namespace stele::kafka {

/// Sorted by name.
[[nodiscard]] std::span<const log::SettingInfo> broker_setting_table();
/// Sorted by name. Those that one group may have otherwise than the others.
[[nodiscard]] std::span<const log::SettingInfo> group_setting_table();
/// nullptr: no such setting.
[[nodiscard]] const log::SettingInfo* find_setting(std::span<const log::SettingInfo> table,
                                                   std::string_view name);

/// The broker's setting that is the default of a topic's.
[[nodiscard]] std::string broker_synonym(std::string_view topic_setting);

/// kNotFound: no such setting; kInvalid says what is allowed.
[[nodiscard]] Result<void> check_group_settings(const log::TopicSettings& settings);

/// As DescribeConfigs numbers types: 1 boolean, 2 string, 3 int, 5 long, 6 double, 7 list.
[[nodiscard]] std::int8_t type_number(log::SettingType type);

}  // namespace stele::kafka
