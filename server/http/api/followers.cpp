#include "server/http/api/followers.h"

namespace stele::http {

/// Those that have gone are forgotten.
std::vector<std::shared_ptr<Awaiting>> Followers::living() {
  std::vector<std::shared_ptr<Awaiting>> living;
  std::erase_if(awaiting_, [&](const std::weak_ptr<Awaiting>& weak) {
    auto follower = weak.lock();
    if (!follower) return true;
    living.push_back(std::move(follower));
    return false;
  });
  return living;
}

void Followers::wake() {
  for (const auto& follower : living()) follower->wake();
}

void Followers::keep_alive() {
  for (const auto& follower : living()) follower->keep_alive();
}

void Followers::close() {
  for (const auto& follower : living()) follower->close();
}

}  // namespace stele::http
