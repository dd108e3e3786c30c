// event_store_load: loads the event store in process, without a server. See load.h for the
// arguments; ADDRESS is the store's folder. Modes:
//   append       a stream's version expected; IN_FLIGHT > 1: submitted, so many under way
//   append-tag   the same, with a condition on one tag instead
//   append-tags  the same, with a condition on two tags
//   append-any   the same, expecting nothing
//   batch        BATCH events of one stream in an append
//   fill         what the reads read
//   read-ten, read-tag   the ten events of a stream, of a tag, one read at a time
//   read-all     everything, at most a million events, once
#include <sys/resource.h>

#include <functional>
#include <vector>

#include "bench/client/load.h"
#include "bench/embedded/bench_folder.h"
#include "log/event_store/event_store.h"

namespace stele::bench {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point began) {
  return std::chrono::duration<double>(Clock::now() - began).count();
}

double cpu_s() {
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
  };
  return seconds(used.ru_utime) + seconds(used.ru_stime);
}

enum class Check { kNothing, kVersion, kTag, kTwoTags };

class Client {
public:
  explicit Client(const Load& load)
      : load_(load), store_(must(log::Store::open(load.address))), events_(*store_) {
    if (!store_->find_topic(kTopic)) {
      must(store_->create_topic(
          {.name = std::string(kTopic), .partition_count = 1, .settings = {}}));
    }
    for (std::size_t i = 0; i < load.in_flight; ++i) slots_.emplace_back(i);
  }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;
  ~Client() { must(store_->close()); }

  Latencies append(Check check) {
    return load_.in_flight == 1 ? append_one_by_one(check) : append_many(check);
  }

  void fill() {
    for (std::size_t round = 0; round < kTenEvents; ++round) {
      log::EventAppend append;
      for (std::size_t i = 0; i < kTenStreams; ++i) {
        const std::string name = "ten-" + std::to_string(i);
        append.events.push_back({std::string(kTopic), event(name, {name})});
      }
      done(events_.append(std::move(append)));
    }
  }

  Latencies read_ten(bool by_tag) {
    Latencies times;
    const auto until = Clock::now() + load_.lasts;
    for (std::size_t n = 0; Clock::now() < until; ++n) {
      log::ReadRequest request;
      if (by_tag) {
        request.select = log::TagSelection{ten_name(n)};
      } else {
        request.select = log::StreamSelection{std::string(kTopic), ten_name(n)};
      }
      times.time([&] {
        if (must(events_.read(request)).events.size() != kTenEvents) fail_run("not ten events");
      });
    }
    return times;
  }

  std::uint64_t read_all() {
    const auto cursor = must(events_.open({.select = log::AllSelection{}}));
    std::uint64_t count = 0;
    while (count < kReadMax) {
      const log::ReadPage page = must(cursor->next());
      count += page.events.size();
      if (page.end) break;
    }
    return count;
  }

private:
  static log::NewEvent event(std::optional<std::string> stream, std::vector<std::string> tags) {
    static const std::string data = event_data();
    log::NewEvent event;
    event.stream = std::move(stream);
    event.type = kType;
    event.tags = std::move(tags);
    event.data = to_bytes(data);
    return event;
  }

  static Bytes to_bytes(const std::string& text) {
    const ByteView view = as_bytes(text);
    return {view.begin(), view.end()};
  }

  static log::AppendedEvents done(log::EventAppendResult result) {
    if (!result) fail_run(result.error().error.text());
    return std::move(*result);
  }

  [[nodiscard]] log::EventAppend next(const Slot& slot, Check check) const {
    const std::string topic(kTopic);
    const std::string& name = slot.name();
    const bool tags = check == Check::kTag || check == Check::kTwoTags;
    std::vector<std::string> names{name};
    if (check == Check::kTwoTags) names.push_back(name + "-too");
    log::EventAppend append;
    for (std::size_t i = 0; i < load_.batch; ++i) {
      append.events.push_back({topic, tags ? event(std::nullopt, names) : event(name, {})});
    }
    if (tags) {
      log::AppendCondition condition;
      condition.fail_if_events_match.items.push_back({.types = {}, .tags = names, .topics = {}});
      if (slot.last() >= 0) condition.after = Position(slot.last());
      append.conditions.push_back(std::move(condition));
    } else if (check == Check::kVersion) {
      append.expectations.push_back({{topic, name},
                                     slot.last() < 0
                                         ? log::ExpectedVersion::no_stream()
                                         : log::ExpectedVersion::exact(Version(slot.last()))});
    }
    return append;
  }

  static std::int64_t last_of(const log::AppendedEvents& appended, Check check) {
    const log::AppendedEvent& last = appended.events.back();
    return check == Check::kVersion ? last.version->raw() : last.position.raw();
  }

  Latencies append_one_by_one(Check check) {
    Latencies times;
    Slot& slot = slots_.front();
    const auto until = Clock::now() + load_.lasts;
    while (Clock::now() < until) {
      log::EventAppend append = next(slot, check);
      times.time([&] { slot.written(last_of(done(events_.append(std::move(append))), check)); });
    }
    return times;
  }

  Latencies append_many(Check check) {
    Latencies times;
    std::size_t under_way = slots_.size();
    const auto until = Clock::now() + load_.lasts;
    const std::function<void(Slot&)> submit = [&](Slot& slot) {
      const auto began = Clock::now();
      events_.submit(next(slot, check), [&, began](log::EventAppendResult result) {
        times.add(seconds_since(began));
        slot.written(last_of(done(std::move(result)), check));
        if (Clock::now() < until) {
          submit(slot);
        } else {
          --under_way;
        }
      });
    };
    for (Slot& slot : slots_) submit(slot);
    store_->run_until([&] { return under_way == 0; });
    return times;
  }

  const Load& load_;
  std::unique_ptr<log::Store> store_;
  log::EventStore events_;
  std::vector<Slot> slots_;
};

int run(const Load& load) {
  Client client(load);
  Latencies times;
  std::uint64_t each = load.batch;
  const auto began = Clock::now();
  const double cpu_began = cpu_s();
  if (load.mode == "append" || load.mode == "batch") {
    times = client.append(Check::kVersion);
  } else if (load.mode == "append-tag") {
    times = client.append(Check::kTag);
  } else if (load.mode == "append-tags") {
    times = client.append(Check::kTwoTags);
  } else if (load.mode == "append-any") {
    times = client.append(Check::kNothing);
  } else if (load.mode == "fill") {
    times.time([&] { client.fill(); });
    each = kTenStreams * kTenEvents;
  } else if (load.mode == "read-ten" || load.mode == "read-tag") {
    times = client.read_ten(load.mode == "read-tag");
    each = kTenEvents;
  } else if (load.mode == "read-all") {
    times.time([&] { each = client.read_all(); });
  } else {
    fail_run("no mode " + load.mode);
  }
  const double cpu = cpu_s() - cpu_began;
  report(times, static_cast<std::uint64_t>(times.count()) * each, seconds_since(began), cpu);
  return 0;
}

}  // namespace
}  // namespace stele::bench

int main(int count, char** arguments) {
  return stele::bench::run(stele::bench::Load::parse(count, arguments));
}
