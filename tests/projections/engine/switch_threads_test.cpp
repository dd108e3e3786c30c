// Readers and writers at work while versions are switched under them.
#include <atomic>
#include <thread>

#include "log/env/posix_env.h"
#include "tests/projections/engine/engine_fixture.h"

namespace stele::projections {
namespace {

/// Reads one key until told to stop; what it must never see is counted.
class Reader {
public:
  explicit Reader(View<Account> view) : view_(std::move(view)), thread_([this] { read(); }) {}
  void stop() {
    stop_ = true;
    thread_.join();
  }

  std::atomic<std::uint64_t> read_count{0};
  std::atomic<std::uint64_t> error_count{0};
  std::atomic<std::uint64_t> back_count{0};   ///< the checkpoint went back
  std::atomic<std::uint64_t> wrong_count{0};  ///< no version makes such a state

private:
  void read() {
    Checkpoint last;
    while (!stop_) {
      const auto answer = view_.get("a");
      ++read_count;
      if (!answer) {
        ++error_count;
        continue;
      }
      if (!answer->checkpoint.covers(last)) ++back_count;
      last = answer->checkpoint;
      if (!answer->state) continue;
      const std::int64_t each = answer->state->cents / answer->state->payments;
      if (each != 1 && each != 2) ++wrong_count;
    }
  }

  View<Account> view_;
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

TEST(SwitchOnThreads, ReadersNeverSeeAnErrorNorGoBack) {
  const TemporaryFolder folder;
  const auto env = must(make_posix_env());
  Bank bank(*env, folder.path + "/data");
  for (int i = 0; i < 50; ++i) bank.pay("a", 1);
  const auto engine = must(Engine::open(*bank.events, {.folder = folder.path + "/views"}));
  const auto view = must(engine->add(accounts(1)));
  must(engine->catch_up());
  must(engine->start());
  Reader first(view);
  Reader second(must(engine->add(accounts(2))));

  while (must(view.version()) != 2) bank.pay("a", 1);  // by itself
  std::string token;
  for (std::uint32_t i = 0; i < 10; ++i) {
    must(engine->rollback("accounts"));
    EXPECT_EQ(must(view.version()), i % 2 == 0 ? 1u : 2u);
    for (int k = 0; k < 5; ++k) token = bank.pay("a", 1);
  }
  const auto answer = must(view.get("a", AtLeast{token, std::chrono::seconds(20)}));
  EXPECT_EQ(answer.state->cents / answer.state->payments, must(view.version()));
  for (Reader* const reader : {&first, &second}) {
    reader->stop();
    EXPECT_GT(reader->read_count, 0u);
    EXPECT_EQ(reader->error_count, 0u);
    EXPECT_EQ(reader->back_count, 0u);
    EXPECT_EQ(reader->wrong_count, 0u);
  }
  must(engine->close());
}

TEST(SwitchOnThreads, AVersionThatIsAddedAtWorkIsBuiltAndTakesOver) {
  const TemporaryFolder folder;
  const auto env = must(make_posix_env());
  Bank bank(*env, folder.path + "/data");
  bank.pay_many(1, 100);
  const auto engine = must(Engine::open(*bank.events, {.folder = folder.path + "/views"}));
  must(engine->start());
  const auto view = must(engine->add(senders(1)));
  must(view.get("a1", AtLeast{bank.pay("a1", 101), std::chrono::seconds(20)}));
  must(engine->add(senders(2)));
  while (must(view.version()) != 2) std::this_thread::yield();
  must(view.get("a1", AtLeast{bank.pay("a1", 102), std::chrono::seconds(20)}));
  must(engine->close());
  std::map<std::int64_t, std::string> mails;
  for (const auto& mail : bank.mails()) mails[std::stoll(*mail.stream)] += mail.type.back();
  for (std::int64_t i = 1; i <= 101; ++i) EXPECT_EQ(mails[i], "1") << "payment " << i;
  EXPECT_EQ(mails[102], "22");
}

}  // namespace
}  // namespace stele::projections
