// Messages that Protobuf itself made, as events and as states.
#include <google/protobuf/wrappers.pb.h>
#include <gtest/gtest.h>

#include "projections/testkit/given.h"

namespace stele::projections {

using google::protobuf::Int64Value;
using google::protobuf::StringValue;

template <>
struct event_traits<Int64Value> : protobuf_event<Int64Value, "Paid"> {};

namespace {

Projection<StringValue> payments() {
  return projection<StringValue>("payments")
      .from("bank")
      .on<Int64Value>([](StringValue& s, const Int64Value& paid) {
        s.set_value(s.value() + std::to_string(paid.value()) + ";");
      });
}

TEST(Protobuf, MessagesAreEventsAndStates) {
  Int64Value five;
  five.set_value(5);
  StringValue wanted;
  wanted.set_value("5;5;");
  EXPECT_EQ(given(payments())
                .event("a", five)
                .event("a", five)
                .then("a", wanted)
                .replay_equal()
                .restart_every(1)
                .findings(),
            "");
  const DefinitionPtr definition = payments().definition();
  EXPECT_EQ(definition->state.shape, "protobuf google.protobuf.StringValue");
  EXPECT_EQ(definition->handlers.front().shape,
            "protobuf google.protobuf.Int64Value, keyed by stream");
  EXPECT_EQ(StateBox(definition->state, &wanted).print(), R"("value: \"5;5;\"")");
}

TEST(Protobuf, WhatIsNoMessageIsPoison) {
  EXPECT_EQ(given(payments())
                .event("a", "Paid", "\x08")
                .then_poison("Paid: the data is not a Protobuf message")
                .then_nothing("a")
                .findings(),
            "");
}

}  // namespace
}  // namespace stele::projections
