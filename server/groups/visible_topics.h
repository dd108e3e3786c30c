// The store's topics as groups of KIP-848 see them: all but the service's own.
// Thread: the loop's. The store outlives it.
#pragma once

#include "log/store/store.h"
#include "server/groups/consumer_group.h"

namespace stele::groups {

class VisibleTopics final : public GroupTopics {
public:
  explicit VisibleTopics(const log::Store& store) : store_(store) {}

  [[nodiscard]] std::optional<AssignableTopic> find(std::string_view name) const override;
  [[nodiscard]] std::optional<std::string> name_of(const Uuid& id) const override;
  void each_name(const std::function<void(std::string_view)>& visit) const override;

private:
  const log::Store& store_;
};

}  // namespace stele::groups
