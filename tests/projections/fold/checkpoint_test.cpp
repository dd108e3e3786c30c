#include "projections/fold/checkpoint.h"

#include <gtest/gtest.h>

#include "projections/fold/input_event.h"

namespace stele::projections {
namespace {

Checkpoint three() {
  return Checkpoint({{{"b", 1}, 7}, {{"a", 2}, 3}, {{"a", 0}, 9}, {{"b", 1}, 8}});
}

TEST(Checkpoint, IsSortedAndTheLastPlaceOfAnInputCounts) {
  const Checkpoint checkpoint = three();
  ASSERT_EQ(checkpoint.places().size(), 3U);
  EXPECT_EQ(checkpoint.places()[0], (InputPlace{{"a", 0}, 9}));
  EXPECT_EQ(checkpoint.places()[2], (InputPlace{{"b", 1}, 8}));
  EXPECT_EQ(checkpoint.next({"a", 2}), 3);
  EXPECT_EQ(checkpoint.next({"a", 1}), 0);
  EXPECT_EQ(Checkpoint::of_store(5).next(InputId::store()), 5);
}

TEST(Checkpoint, CoversWhatItIsAsFarAs) {
  Checkpoint further = three();
  further.set({"b", 1}, 9);
  EXPECT_TRUE(further.covers(three()));
  EXPECT_FALSE(three().covers(further));
  EXPECT_TRUE(three().covers({}));
  EXPECT_TRUE(Checkpoint().covers(Checkpoint::of_store(0)));
  EXPECT_FALSE(Checkpoint().covers(Checkpoint::of_store(1)));
}

TEST(Checkpoint, DecodesWhatItEncodedAndLeavesWhatFollows) {
  for (const Checkpoint& checkpoint : {Checkpoint(), Checkpoint::of_store(INT64_MAX), three()}) {
    Bytes bytes;
    checkpoint.encode(bytes);
    bytes.push_back(std::byte{42});
    ByteView left = bytes;
    EXPECT_EQ(Checkpoint::decode(left).value(), checkpoint);
    EXPECT_EQ(left.size(), 1U);
  }
}

TEST(Checkpoint, EveryCutIsCorruptAndTakesNothing) {
  Bytes bytes;
  three().encode(bytes);
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    ByteView left = ByteView(bytes).first(size);
    const auto decoded = Checkpoint::decode(left);
    ASSERT_FALSE(decoded) << size;
    EXPECT_EQ(decoded.error().code, Code::kCorrupt);
    EXPECT_EQ(left.size(), size);
  }
}

TEST(Checkpoint, PlacesOutOfOrderAndWildCountsAreCorrupt) {
  for (const char* second : {"a", "b"}) {
    SCOPED_TRACE(second);
    Bytes bytes;
    Checkpoint({{{"b", 0}, 1}}).encode(bytes);
    bytes[0] = std::byte{2};
    Bytes more;
    Checkpoint({{{second, 0}, 1}}).encode(more);
    bytes.insert(bytes.end(), more.begin() + 4, more.end());
    ByteView left = bytes;
    EXPECT_EQ(Checkpoint::decode(left).error().code, Code::kCorrupt);
  }
  const Bytes wild(8, std::byte{0xff});
  ByteView left = wild;
  EXPECT_FALSE(Checkpoint::decode(left));
}

TEST(InputEvent, IsNamedByItsPlaceTypeAndStream) {
  const std::string binary("o\x01-17");
  InputEvent event{.topic = "orders",
                   .partition = 3,
                   .offset = Offset(1042),
                   .stream = as_bytes(binary),
                   .type = "OrderPlaced"};
  EXPECT_EQ(event_place(event), "orders/3/1042 (OrderPlaced, stream o\\x01-17)");
  EXPECT_EQ(event_id(event), "orders/3/1042");
  event.stream.reset();
  event.type = {};
  const HeaderView headers[] = {{"ce_id", as_bytes("e-1")}};
  event.headers = headers;
  EXPECT_EQ(event_place(event), "orders/3/1042 (no type)");
  EXPECT_EQ(event_id(event), "e-1");
}

}  // namespace
}  // namespace stele::projections
