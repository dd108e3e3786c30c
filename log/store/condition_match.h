// Evaluates an item of a query over the index: the first position whose event matches.
//
// Leapfrog over the postings of the item's tags, the one with the fewest first; types are a union.
// Thread: any.
#pragma once

#include <functional>
#include <optional>

#include "log/index/term_index.h"
#include "log/order/order_log.h"
#include "log/store/append_checks.h"

namespace stele::log {

/// The topic of the event at a position. kCorrupt, kIo.
using TopicOf = std::function<Result<Uuid>(Position)>;
/// The first position in [from, below) of one of the topics (any, if there is none).
using FirstOfTopics = std::function<Result<std::optional<Position>>(const std::vector<Uuid>& topics,
                                                                    Position from, Position below)>;

struct OrderLookups {
  TopicOf topic_of;
  FirstOfTopics first_of_topics;
};

/// By the order log. Of an event so old that it lists it no more: none, which matches no topic.
[[nodiscard]] Result<Uuid> topic_at(const OrderLog& order, Position position);

/// The first position in [from, below) that matches; nullopt if none does. kCorrupt, kIo.
[[nodiscard]] Result<std::optional<Position>> find_first_match(const TermIndex& index,
                                                               const OrderLookups& order,
                                                               const ConditionItem& item,
                                                               Position from, Position below);

}  // namespace stele::log
