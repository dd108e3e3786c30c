// Engines over stores, on the simulated disk or on threads in a folder of their own, and words for
// what their tests do.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "projections/engine/engine.h"
#include "tests/support/sim_env.h"

namespace stele::projections {

struct Paid {
  std::int64_t cents = 0;
};
template <>
struct event_traits<Paid> : json_event<"Paid"> {};
struct Refunded {
  std::int64_t cents = 0;
};
template <>
struct event_traits<Refunded> : json_event<"Refunded"> {};
struct Account {
  std::int64_t cents = 0;
  std::int64_t payments = 0;
  friend bool operator==(const Account&, const Account&) = default;
};

/// Another state for the same projection.
struct PaymentCount {
  std::int64_t count = 0;
};

/// Version 1 counts cents as they are, version n n-fold: states tell which version made them.
inline Projection<Account> accounts(std::uint32_t version) {
  return projection<Account>("accounts")
      .version(version)
      .from("bank")
      .on<Paid>([version](Account& account, const Paid& paid) {
        account.cents += paid.cents * version;
        ++account.payments;
      });
}
/// Version n sends n events for each payment: twice or never would show.
inline Projection<Account> senders(std::uint32_t version) {
  return projection<Account>("senders").version(version).from("bank").on<Paid>(
      [version](Account& account, const Paid& paid, const Meta&, Effects& effects) {
        account.cents += paid.cents;
        for (std::uint32_t i = 0; i < version; ++i) {
          effects.append("mails", {.stream = std::to_string(paid.cents),
                                   .type = "Mail" + std::to_string(version)});
        }
      });
}

/// A store and its events, in any env.
class Bank {
public:
  Bank(Env& env, const std::string& folder) {
    auto opened = log::Store::open(folder, env,
                                   {.journal_bytes_min = 1 << 20,
                                    .journal_bytes_max = 4 << 20,
                                    .group_bytes_max = 256 << 10,
                                    .append_bytes_max = 256 << 10});
    if (!opened) return;
    store = *std::move(opened);
    events = std::make_unique<log::EventStore>(*store);
    for (const char* topic : {"bank", "mails"}) {
      if (!store->find_topic(topic)) static_cast<void>(store->create_topic({topic, 2, {}}));
    }
  }
  /// The append's token.
  std::string pay(const std::string& account, std::int64_t cents) {
    const std::string data = "{\"cents\":" + std::to_string(cents) + "}";
    const ByteView bytes = as_bytes(data);
    auto appended = events->append(
        {.events = {
             {"bank",
              {.stream = account, .type = "Paid", .data = Bytes(bytes.begin(), bytes.end())}}}});
    return appended ? appended->token : std::string();
  }
  /// Cents 1 … count, round the accounts a0 … a4.
  void pay_many(std::int64_t first, std::int64_t count) {
    for (std::int64_t i = first; i < first + count; ++i) pay("a" + std::to_string(i % 5), i);
  }
  std::vector<log::RecordedEvent> mails() const {
    auto page = events->read({.select = log::TopicSelection{"mails"}, .events_max = 100'000});
    return page ? std::move(page->events) : std::vector<log::RecordedEvent>{};
  }

  std::unique_ptr<log::Store> store;
  std::unique_ptr<log::EventStore> events;
};

template <class T>
T must(Result<T> result) {
  if (!result) {
    ADD_FAILURE() << result.error().text();
    std::abort();
  }
  if constexpr (!std::is_void_v<T>) return *std::move(result);
}

/// In one thread, on a disk that can be crashed.
class SimEngineFixture : public testing::Test {
protected:
  SimEngineFixture() { open_bank(); }

  void open_bank() { bank_ = std::make_unique<Bank>(*env_, "/data"); }
  std::unique_ptr<Engine> engine(EngineOptions options = {}) {
    options.folder = "/views";
    options.env = env_.get();
    return must(Engine::open(*bank_->events, options));
  }
  static Account account(const View<Account>& view, const std::string& key) {
    return must(view.get(key)).state.value_or(Account{-1, -1});
  }
  static VersionRole role(const Engine& engine, std::uint32_t version) {
    for (const TaskStatus& task : engine.status()) {
      if (task.version == version) return task.role;
    }
    ADD_FAILURE() << "no version " << version;
    return VersionRole::kKept;
  }

  std::unique_ptr<SimEnv> env_ = std::make_unique<SimEnv>();
  std::unique_ptr<Bank> bank_;
};

/// A folder that goes with the test.
class TemporaryFolder {
public:
  TemporaryFolder() {
    std::string name = testing::TempDir() + "stele-engine-XXXXXX";
    path = ::mkdtemp(name.data());
  }
  ~TemporaryFolder() {
    if (std::system(("rm -rf '" + path + "'").c_str()) != 0) ADD_FAILURE() << path << " stays";
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  std::string path;
};

}  // namespace stele::projections
