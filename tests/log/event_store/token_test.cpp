// Tokens: what they hold, and what is refused.
#include "log/event_store/token.h"

#include "tests/log/event_store/event_store_fixture.h"

namespace stele::log {
namespace {

using TokenTest = EventStoreFixture;

TEST(Token, ReadsBackWhatItWasMadeOf) {
  const TokenPlace place{Uuid::from_random(7, 9), 3, Position(1'234'567'890'123)};
  const std::string text = encode_token(place);
  EXPECT_EQ(text.size(), 44u);
  const auto back = decode_token(text);
  ASSERT_TRUE(back.has_value());
  EXPECT_EQ(*back, place);
}

TEST(Token, EveryChangedCharacterIsNoticed) {
  const std::string text = encode_token({Uuid::from_random(7, 9), 0, Position(17)});
  for (std::size_t i = 0; i < text.size(); ++i) {
    for (const char other : {'A', 'z', '_', '='}) {
      std::string changed = text;
      if (changed[i] == other) continue;
      changed[i] = other;
      EXPECT_FALSE(decode_token(changed).has_value()) << i << other;
    }
  }
  EXPECT_FALSE(decode_token("").has_value());
  EXPECT_FALSE(decode_token(text + "A").has_value());
}

TEST_F(TokenTest, OnlyThisStoresTokensOfThisTimelineUpToTheEndAreTaken) {
  EXPECT_EQ(*events_->parse_token(events_->token(store_->end())), store_->end());
  struct Case {
    const char* name;
    std::string token;
    Code code;
  };
  const Case cases[] = {
      {"garbage", "abc", Code::kInvalid},
      {"another store's", encode_token({Uuid::from_random(1, 2), 0, Position(0)}), Code::kInvalid},
      {"another timeline's", encode_token({store_->id(), store_->timeline() + 1, Position(0)}),
       Code::kOutOfRange},
      {"past the end", events_->token(store_->end().next()), Code::kOutOfRange},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    EXPECT_EQ(events_->parse_token(c.token).error().code, c.code);
    EXPECT_EQ(read_error({.select = AllSelection{}, .from = {.token = c.token}}), c.code);
  }
}

}  // namespace
}  // namespace stele::log
