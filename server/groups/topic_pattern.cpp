#include "server/groups/topic_pattern.h"

#include <re2/re2.h>

#include <utility>

#include "log/base/fail.h"

namespace stele::groups {

namespace {

re2::RE2::Options options() {
  re2::RE2::Options out;
  out.set_log_errors(false);
  out.set_max_mem(TopicPattern::kMemoryBytesMax);
  return out;
}

}  // namespace

struct TopicPattern::Compiled {
  explicit Compiled(std::string_view text)
      : expression(re2::StringPiece(text.data(), text.size()), options()) {}
  re2::RE2 expression;
};

TopicPattern::TopicPattern(std::unique_ptr<Compiled> compiled) : compiled_(std::move(compiled)) {}
TopicPattern::TopicPattern(TopicPattern&&) noexcept = default;
TopicPattern& TopicPattern::operator=(TopicPattern&&) noexcept = default;
TopicPattern::~TopicPattern() = default;

Result<TopicPattern> TopicPattern::compile(std::string_view expression) {
  auto compiled = std::make_unique<Compiled>(expression);
  if (!compiled->expression.ok()) return fail(Code::kInvalid, "{}", compiled->expression.error());
  return TopicPattern(std::move(compiled));
}

bool TopicPattern::matches(std::string_view topic_name) const {
  return re2::RE2::FullMatch(re2::StringPiece(topic_name.data(), topic_name.size()),
                             compiled_->expression);
}

}  // namespace stele::groups
