// Bank accounts: a typed fold, commands decided on it, reads of now and of then. A second run finds
// what the first has left.
//
//   bank FOLDER
#include <log/event_store/event_store.h>
#include <projections/engine/engine.h>
#include <projections/process/decider.h>
#include <projections/sources/embedded_source.h>

#include <cstdio>
#include <memory>
#include <string>

namespace bank {

struct Opened {
  std::string owner;
};
struct Deposited {
  std::int64_t cents = 0;
};
struct Withdrawn {
  std::int64_t cents = 0;
};

struct Account {
  bool open = false;
  std::int64_t cents = 0;
};

struct Open {
  std::string owner;
};
struct Deposit {
  std::int64_t cents = 0;
};
struct Withdraw {
  std::int64_t cents = 0;
};

}  // namespace bank

template <>
struct stele::projections::event_traits<bank::Opened> : json_event<"Opened"> {};
template <>
struct stele::projections::event_traits<bank::Deposited> : json_event<"Deposited"> {};
template <>
struct stele::projections::event_traits<bank::Withdrawn> : json_event<"Withdrawn"> {};

namespace bank {

using stele::Result;
using stele::projections::refuse;

// What may happen. Pure: called again, if somebody else was faster.

Result<Opened> decide(const Account& account, const Open& command) {
  if (account.open) return refuse("the account is open");
  return Opened{command.owner};
}

Result<Deposited> decide(const Account& account, const Deposit& command) {
  if (!account.open) return refuse("there is no such account");
  return Deposited{command.cents};
}

Result<Withdrawn> decide(const Account& account, const Withdraw& command) {
  if (account.cents < command.cents) return refuse("the account holds less than that");
  return Withdrawn{command.cents};
}

// What has happened.
stele::projections::Projection<Account> accounts() {
  return stele::projections::projection<Account>("accounts")
      .from("bank")
      .on<Opened>([](Account& a, const Opened&) { a.open = true; })
      .on<Deposited>([](Account& a, const Deposited& e) { a.cents += e.cents; })
      .on<Withdrawn>([](Account& a, const Withdrawn& e) { a.cents -= e.cents; });
}

}  // namespace bank

namespace {

using stele::Result;
using stele::log::EventStore;
using stele::log::Store;
using stele::projections::AtLeast;
using stele::projections::AtVersion;
using stele::projections::Decided;
using stele::projections::Decider;
using stele::projections::EmbeddedSource;
using stele::projections::Engine;
using stele::projections::Moment;
using stele::projections::View;

void print(const char* what, const std::optional<bank::Account>& account) {
  std::printf("%s: %lld cents\n", what, static_cast<long long>(account ? account->cents : 0));
}

Result<void> serve(const Decider<bank::Account>& commands, const View<bank::Account>& accounts) {
  // Each command with the id that its sender gave it: carried out once, however often it comes.
  STELE_DO(commands.handle("acc-7", bank::Open{"Ann"}, {.command = "request-1"}));
  STELE_DO(commands.handle("acc-7", bank::Deposit{700}, {.command = "request-2"}));
  for (int attempt = 0; attempt < 2; ++attempt) {
    STELE_TRY(const Decided taken,
              commands.handle("acc-7", bank::Withdraw{500}, {.command = "request-3"}));
    std::printf("withdrawn at version %lld%s\n", static_cast<long long>(taken.version->raw()),
                taken.repeated ? ", asked again" : "");
    // Read what was written.
    STELE_TRY(const auto now, accounts.get("acc-7", AtLeast{taken.token}));
    print("now", now.state);
  }
  const auto refused = commands.handle("acc-7", bank::Withdraw{500});
  if (!refused) std::printf("refused: %s\n", refused.error().detail.c_str());

  STELE_TRY(const auto then, accounts.get("acc-7", Moment{AtVersion{stele::Version(1)}}));
  print("at version 1", then.state);
  return {};
}

Result<void> run(const std::string& folder) {
  STELE_TRY(const std::unique_ptr<Store> store, Store::open(folder + "/store"));
  if (!store->find_topic("bank"))
    STELE_DO(store->create_topic({.name = "bank", .partition_count = 4, .settings = {}}));
  EventStore events(*store);
  EmbeddedSource source(events);
  STELE_TRY(const std::unique_ptr<Engine> engine,
            Engine::open(source, {.folder = folder + "/views"}));
  STELE_TRY(const View<bank::Account> accounts, engine->add(bank::accounts()));
  STELE_DO(engine->start());
  STELE_DO(serve(Decider<bank::Account>(bank::accounts(), *source.events()), accounts));
  STELE_DO(engine->close());
  STELE_DO(store->close());
  return {};
}

}  // namespace

int main(int argument_count, char** arguments) {
  if (argument_count != 2) {
    std::fprintf(stderr, "usage: bank FOLDER\n");
    return 2;
  }
  const Result<void> done = run(arguments[1]);
  if (done) return 0;
  std::fprintf(stderr, "%s\n", done.error().text().c_str());
  return 1;
}
