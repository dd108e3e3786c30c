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

  /// Held as long as one follows.
  class Seat {
  public:
    explicit Seat(Followers& of) : of_(&of) { ++of.count_; }
    Seat(Seat&& other) noexcept : of_(std::exchange(other.of_, nullptr)) {}
    Seat& operator=(Seat&& other) noexcept {
      std::swap(of_, other.of_);
      return *this;
    }
    ~Seat() {
      if (of_ != nullptr) --of_->count_;
    }

  private:
    Followers* of_;
  };

  /// None: there are too many.
  [[nodiscard]] std::optional<Seat> admit() {
    if (count_ >= count_max_) return std::nullopt;
    return Seat(*this);
  }
  void add(const std::shared_ptr<Awaiting>& follower) { awaiting_.push_back(follower); }
  void wake();
  void keep_alive();
  void close();
  [[nodiscard]] std::size_t count() const { return count_; }

private:
  [[nodiscard]] std::vector<std::shared_ptr<Awaiting>> living();

  std::size_t count_max_;
  std::size_t count_ = 0;
  std::vector<std::weak_ptr<Awaiting>> awaiting_;
};

}  // namespace stele::http
