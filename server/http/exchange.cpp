#include "server/http/exchange.h"

#include <utility>

namespace stele::http {

void Exchange::answer(Response response) {
  if (std::exchange(answered_, true)) return;
  response_ = std::move(response);
  tell();
}

void Exchange::answer(Response head, std::unique_ptr<BodySource> source) {
  if (std::exchange(answered_, true)) return;
  response_ = std::move(head);
  source_ = std::move(source);
  tell();
}

void Exchange::take_over(Protocol protocol) {
  if (std::exchange(answered_, true)) return;
  protocol_ = std::move(protocol);
  tell();
}

void Exchange::want_more() {
  if (const auto listener = listener_.lock()) listener->on_wanted();
}

void Exchange::tell() {
  if (const auto listener = listener_.lock()) listener->on_answer();
}

}  // namespace stele::http
