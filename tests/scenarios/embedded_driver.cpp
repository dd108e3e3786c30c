// The C++ API, in process.
#include <deque>
#include <filesystem>

#include "log/base/fail.h"
#include "tests/scenarios/driver.h"
#include "tests/scenarios/temp_folder.h"

namespace stele::scenarios {
namespace {

class CursorSubscription final : public Subscription {
public:
  CursorSubscription(log::EventStore& events, std::unique_ptr<log::EventCursor> cursor)
      : events_(events), cursor_(std::move(cursor)) {}

  Result<Pushed> next(std::chrono::milliseconds longest) override {
    while (true) {
      STELE_TRY(log::ReadPage page, cursor_->next());
      const bool news = page.end && !told_end_;
      told_end_ = page.end;
      if (!page.events.empty() || news)
        return Pushed{std::move(page.events), page.end, std::move(page.next)};
      if (page.end && !events_.wait_for(page.as_of, longest))
        return fail(Code::kCancelled, "nothing came");
    }
  }

private:
  log::EventStore& events_;
  std::unique_ptr<log::EventCursor> cursor_;
  bool told_end_ = false;
};

class EmbeddedDriver final : public Driver {
public:
  EmbeddedDriver() { open_again(); }

  Result<void> create_topic(const std::string& name, std::int32_t partition_count) override {
    STELE_DO(store_->create_topic({.name = name, .partition_count = partition_count}));
    return {};
  }
  log::EventAppendResult append(log::EventAppend append) override {
    return events_->append(std::move(append));
  }
  Result<log::ReadPage> read(const log::ReadRequest& request) override {
    return events_->read(request);
  }
  Result<std::unique_ptr<Subscription>> subscribe(const log::ReadRequest& request) override {
    STELE_TRY(auto cursor, events_->open(request));
    return std::make_unique<CursorSubscription>(*events_, std::move(cursor));
  }
  Result<log::StreamInfo> stream(const log::StreamName& name) override {
    return events_->stream(name);
  }
  Result<void> set_limits(const log::StreamName& name, const log::StreamRules& limits) override {
    return wait_for([&](Done done) { events_->set_limits(name, limits, std::move(done)); });
  }
  Result<void> tombstone(const log::StreamName& name,
                         const log::ExpectedVersion& expected) override {
    return wait_for([&](Done done) { events_->tombstone(name, expected, std::move(done)); });
  }
  Result<void> restart() override {
    events_.reset();
    store_.reset();
    open_again();
    return {};
  }

private:
  void open_again() {
    auto opened = log::Store::open(folder_.path());
    if (!opened) throw std::runtime_error(opened.error().text());
    store_ = *std::move(opened);
    events_ = std::make_unique<log::EventStore>(*store_);
  }

  template <class Ask>
  Result<void> wait_for(const Ask& ask) {
    std::optional<Result<void>> answer;
    ask([&](Result<void> result) { answer = std::move(result); });
    store_->run_until([&] { return answer.has_value(); });
    return *answer;
  }

  TempFolder folder_;
  std::unique_ptr<log::Store> store_;
  std::unique_ptr<log::EventStore> events_;
};

}  // namespace

std::unique_ptr<Driver> embedded_driver() {
  return std::make_unique<EmbeddedDriver>();
}

}  // namespace stele::scenarios
