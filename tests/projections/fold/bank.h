// A bank for the tests of folds: accounts, opened, paid into, closed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "projections/fold/projection.h"

namespace stele::projections::bank {

struct Account {
  std::int64_t cents = 0;
  bool open = false;
};
struct Opened {};
struct Closed {};
struct Deposited {
  std::int64_t cents = 0;
};
struct Withdrawn {
  std::int64_t cents = 0;
  std::string reason;
};
struct Moved {
  std::string from;
  std::string to;
  std::int64_t cents = 0;
};
/// As deposits were written at first, and later.
struct DepositedV1 {
  std::string euros;
};
struct DepositedV2 {
  std::int64_t euros = 0;
};

}  // namespace stele::projections::bank

namespace stele::projections {
template <>
struct event_traits<bank::Opened> : json_event<"Opened"> {};
template <>
struct event_traits<bank::Closed> : json_event<"Closed"> {};
template <>
struct event_traits<bank::Deposited>
    : json_event<"Deposited", field<"cents", &bank::Deposited::cents>> {};
template <>
struct event_traits<bank::Withdrawn> : json_event<"Withdrawn"> {};
template <>
struct event_traits<bank::Moved> : json_event<"Moved"> {};
template <>
struct event_traits<bank::DepositedV1> : json_event<"DepositedV1"> {};
template <>
struct event_traits<bank::DepositedV2> : json_event<"DepositedV2"> {};
}  // namespace stele::projections
