#include "projections/engine/engine.h"

#include <algorithm>
#include <map>

#include "log/base/fail.h"
#include "log/env/posix_env.h"
#include "projections/engine/copartition.h"
#include "projections/engine/flow_group.h"
#include "projections/engine/picture.h"
#include "projections/engine/work_share.h"
#include "projections/sources/embedded_source.h"

namespace stele::projections {
namespace {

constexpr std::chrono::milliseconds kProgressEvery{200};

class EngineAtWork final : public Engine {
public:
  EngineAtWork(std::unique_ptr<Source> own_source, Source& source, std::unique_ptr<Env> own_env,
               Env& env, EngineOptions options)
      : own_source_(std::move(own_source)),
        own_env_(std::move(own_env)),
        source_(source),
        env_(env),
        options_(std::move(options)),
        share_(groups_, options_.assignment, env) {}
  ~EngineAtWork() override { share_.stop(); }

  Result<FlowViewPtr> add(DefinitionPtr definition, const std::type_info& type,
                          AddOptions options) override;
  [[nodiscard]] Result<FlowViewPtr> view(std::string_view name,
                                         const std::type_info& type) const override;
  Result<void> catch_up(const Progress& progress) override;
  Result<void> start() override;
  Result<void> stop() override;
  Result<void> close() override;
  Result<void> promote(std::string_view name, std::uint32_t version) override;
  Result<void> rollback(std::string_view name) override;
  Result<void> remove_version(std::string_view name, std::uint32_t version) override;
  Result<std::vector<PoisonRecord>> poisons(std::string_view name) const override;
  Result<std::size_t> redrive(std::string_view name) override;
  [[nodiscard]] EngineStatus status() const override;
  [[nodiscard]] std::string metrics() const override;
  [[nodiscard]] std::string picture_dot() const override {
    return projections::picture_dot(nodes());
  }
  [[nodiscard]] std::string picture_svg() const override {
    return projections::picture_svg(nodes());
  }

private:
  [[nodiscard]] Result<FlowGroup*> find(std::string_view name) const;
  Result<FlowGroup*> find_or_open(const std::string& name);
  [[nodiscard]] std::vector<PictureFlow> nodes() const;

  std::unique_ptr<Source> own_source_;  ///< null: the caller's
  std::unique_ptr<Env> own_env_;
  Source& source_;
  Env& env_;
  EngineOptions options_;
  FlowGroups groups_;
  WorkShare share_;
};

Result<FlowGroup*> EngineAtWork::find(std::string_view name) const {
  if (FlowGroup* const group = groups_.find(name); group != nullptr) return group;
  return fail(Code::kNotFound, "no projection {} was added", name);
}

Result<FlowGroup*> EngineAtWork::find_or_open(const std::string& name) {
  if (FlowGroup* const group = groups_.find(name); group != nullptr) return group;
  STELE_TRY(auto group, FlowGroup::open(name, source_, env_,
                                        {.folder = options_.folder,
                                         .lanes = options_.lanes,
                                         .poison_max = options_.poison_max,
                                         .promote_when_caught_up =
                                             options_.promote == Promote::kWhenCaughtUp}));
  return groups_.insert(name, std::move(group), share_.started());
}

Result<FlowViewPtr> EngineAtWork::add(DefinitionPtr definition, const std::type_info& type,
                                      AddOptions options) {
  STELE_DO(check_definition(*definition));
  STELE_TRY(auto inputs, source_.inputs(topics_of(*definition)));
  STELE_DO(check_copartitioned(*definition, inputs));
  STELE_TRY(FlowGroup* const group, find_or_open(definition->name));
  const auto held = share_.hold();
  const auto tasks = share_.own_tasks(tasks_of(inputs));
  STELE_TRY(auto view, group->add({.definition = std::move(definition),
                                   .type = &type,
                                   .inputs = std::move(inputs),
                                   .effects_from = std::move(options.effects_from)},
                                  tasks));
  return FlowViewPtr(std::move(view));
}

Result<FlowViewPtr> EngineAtWork::view(std::string_view name, const std::type_info& type) const {
  STELE_TRY(const FlowGroup* const group, find(name));
  auto view = group->view(type);
  if (view == nullptr) {
    return fail(Code::kInvalid, "no version of projection {} has states of this type", name);
  }
  return FlowViewPtr(std::move(view));
}

// --- folding ---

Result<void> EngineAtWork::catch_up(const Progress& progress) {
  STELE_DO(share_.wait_for_first(options_.assignment_longest));
  std::chrono::nanoseconds told{0};
  while (true) {
    if (!share_.started()) STELE_DO(share_.poll(std::chrono::nanoseconds(0)));
    bool caught_up = true;
    for (FlowGroup* const group : groups_.all()) {
      caught_up = group->step() && caught_up;
      STELE_TRY(const bool switched, group->promote_built());
      caught_up = caught_up && !switched;
    }
    if (progress && (caught_up || env_.now() - told >= kProgressEvery)) {
      told = env_.now();
      progress(status());
    }
    if (caught_up) break;
  }
  for (const FlowGroup* const group : groups_.all()) STELE_DO(group->trouble());
  return {};
}

Result<void> EngineAtWork::start() {
  for (FlowGroup* const group : groups_.all()) group->start();
  share_.start();
  return {};
}

Result<void> EngineAtWork::stop() {
  share_.stop();
  Result<void> outcome;
  for (FlowGroup* const group : groups_.all()) {
    group->stop();
    auto committed = group->commit();
    if (!committed && outcome) outcome = std::move(committed);
  }
  return outcome;
}

Result<void> EngineAtWork::close() {
  share_.stop();
  Result<void> outcome;
  for (FlowGroup* const group : groups_.all()) {
    auto closed = group->close();
    if (!closed && outcome) outcome = std::move(closed);
  }
  return outcome;
}

// --- versions ---

Result<void> EngineAtWork::promote(std::string_view name, std::uint32_t version) {
  STELE_TRY(FlowGroup* const group, find(name));
  return group->promote(version);
}

Result<void> EngineAtWork::rollback(std::string_view name) {
  STELE_TRY(FlowGroup* const group, find(name));
  return group->rollback();
}

Result<void> EngineAtWork::remove_version(std::string_view name, std::uint32_t version) {
  STELE_TRY(FlowGroup* const group, find(name));
  return group->remove(version);
}

Result<std::vector<PoisonRecord>> EngineAtWork::poisons(std::string_view name) const {
  STELE_TRY(const FlowGroup* const group, find(name));
  return group->poisons();
}

Result<std::size_t> EngineAtWork::redrive(std::string_view name) {
  STELE_TRY(FlowGroup* const group, find(name));
  return group->redrive();
}

// --- what it tells ---

EngineStatus EngineAtWork::status() const {
  EngineStatus status;
  for (const FlowGroup* const group : groups_.all()) group->tell(status);
  return status;
}

std::string EngineAtWork::metrics() const {
  return metrics_text(status(), env_.wall_us());
}

std::vector<PictureFlow> EngineAtWork::nodes() const {
  std::vector<PictureFlow> flows;
  for (const FlowGroup* const group : groups_.all()) {
    for (auto& [definition, role] : group->definitions()) flows.push_back({definition, role});
  }
  return flows;
}

Result<std::unique_ptr<Engine>> open_engine(std::unique_ptr<Source> own_source, Source* source,
                                            EngineOptions options) {
  if (options.folder.empty()) return fail(Code::kInvalid, "EngineOptions::folder is empty");
  std::unique_ptr<Env> own_env;
  if (options.env == nullptr) {
    STELE_TRY(own_env, make_posix_env());
  }
  Env& env = own_env != nullptr ? *own_env : *options.env;
  STELE_DO(env.make_folder(options.folder));
  Source& reads = source != nullptr ? *source : *own_source;
  return std::make_unique<EngineAtWork>(std::move(own_source), reads, std::move(own_env), env,
                                        std::move(options));
}

}  // namespace

Result<std::unique_ptr<Engine>> Engine::open(Source& source, EngineOptions options) {
  return open_engine(nullptr, &source, std::move(options));
}

Result<std::unique_ptr<Engine>> Engine::open(log::EventStore& events, EngineOptions options) {
  return open_engine(std::make_unique<EmbeddedSource>(events), nullptr, std::move(options));
}

}  // namespace stele::projections
