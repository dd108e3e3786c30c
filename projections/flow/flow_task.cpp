#include "projections/flow/flow_task.h"

#include <algorithm>

#include "log/base/fail.h"
#include "projections/flow/flow_work.h"
#include "projections/state/memory_store.h"
#include "projections/state/sqlite_store.h"

namespace stele::projections {
namespace {

Result<void> check_lanes(const Definition& definition, std::uint32_t lanes) {
  if (lanes == 0 || lanes > kShardCount)
    return fail(Code::kInvalid, "projection {}: {} lanes; 1 to {} are possible", definition.name,
                lanes, kShardCount);
  if (lanes == 1) return {};
  if (!definition.lookups.empty())
    return fail(Code::kInvalid,
                "projection {} looks things up: what it finds depends on the order of all events, "
                "so it folds in one lane, not {}",
                definition.name, lanes);
  if (definition.has_effects || !definition.publish_topic.empty())
    return fail(Code::kInvalid,
                "projection {} has effects or publishes changes: their order is that of the "
                "events, so it folds in one lane, not {}",
                definition.name, lanes);
  return {};
}

Result<std::unique_ptr<StateStore>> open_states(const Definition& definition, Env& env,
                                                const std::string& folder) {
  if (const auto* memory = std::get_if<MemoryStore>(&definition.store))
    return open_memory_store(env, folder, folds_of(definition), *memory);
  return open_sqlite_store(env, folder, folds_of(definition),
                           std::get<SqliteStore>(definition.store));
}

}  // namespace

Result<std::unique_ptr<FlowTask>> FlowTask::open(DefinitionPtr definition, Source& source,
                                                 std::vector<InputId> inputs, Env& env,
                                                 FlowTaskOptions options) {
  STELE_DO(check_definition(*definition));
  STELE_DO(check_lanes(*definition, options.lanes));
  if (inputs.empty())
    return fail(Code::kInvalid, "projection {}: no inputs to fold", definition->name);
  STELE_TRY(auto states, open_states(*definition, env, options.folder));
  auto task = std::make_unique<FlowWork>(std::move(definition), source, std::move(inputs), env,
                                         std::move(states), std::move(options));
  STELE_DO(task->begin());
  return task;
}

}  // namespace stele::projections
