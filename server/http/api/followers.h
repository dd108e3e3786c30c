// Who follows: counts them, and keeps those that are no answers of a connection (WebSocket).
//
// Thread: the loop's.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

namespace stele::http {

/// A follower that wants to know when something was appended.
class Awaiting {
public:
  Awaiting() = default;
  Awaiting(const Awaiting&) = delete;
  Awaiting& operator=(const Awaiting&) = delete;
  virtual ~Awaiting() = default;
  virtual void wake() = 0;
  virtual void keep_alive() = 0;
  virtual void close() = 0;
};

class Followers {
public:
  explicit Followers(std::size_t count_max) : count_max_(count_max) {}

  /// Held as long as one follows. It may outlive the Followers: a WebSocket goes with the loop.
  class Seat {
  public:
    explicit Seat(std::shared_ptr<std::size_t> count) : count_(std::move(count)) { ++*count_; }
    Seat(Seat&& other) noexcept = default;
    Seat& operator=(Seat&& other) noexcept {
      std::swap(count_, other.count_);
      return *this;
    }
    ~Seat() {
      if (count_) --*count_;
    }

  private:
    std::shared_ptr<std::size_t> count_;
  };

  /// None: there are too many.
  [[nodiscard]] std::optional<Seat> admit() {
    if (*count_ >= count_max_) return std::nullopt;
    return Seat(count_);
  }
  void add(const std::shared_ptr<Awaiting>& follower) { awaiting_.push_back(follower); }
  void wake();
  void keep_alive();
  void close();
  [[nodiscard]] std::size_t count() const { return *count_; }

private:
  [[nodiscard]] std::vector<std::shared_ptr<Awaiting>> living();

  std::size_t count_max_;
  std::shared_ptr<std::size_t> count_ = std::make_shared<std::size_t>(0);
  std::vector<std::weak_ptr<Awaiting>> awaiting_;
};

}  // namespace stele::http
