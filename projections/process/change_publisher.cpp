#include "projections/process/change_publisher.h"

#include "log/base/check.h"

namespace stele::projections {

ChangePublisher::ChangePublisher(DefinitionPtr definition, Outbox& outbox)
    : definition_(std::move(definition)), outbox_(outbox) {}

void ChangePublisher::before(const void* state) {
  STELE_CHECK(!open_);
  open_ = true;
  had_state_ = state != nullptr;
  old_bytes_.clear();
  old_text_ = "null";
  if (!had_state_ || outbox_.muted()) return;
  definition_->state.encode(state, old_bytes_);
  old_text_.clear();
  definition_->state.print(state, old_text_);
}

void ChangePublisher::after(ByteView key, const void* state, const InputEvent& cause) {
  STELE_CHECK(open_);
  open_ = false;
  if (outbox_.muted()) return;
  new_bytes_.clear();
  if (state != nullptr) definition_->state.encode(state, new_bytes_);
  const bool has_state = state != nullptr;
  if (has_state == had_state_ && new_bytes_ == old_bytes_) return;

  std::string data = R"({"old":)" + old_text_ + R"(,"new":)";
  if (has_state)
    definition_->state.print(state, data);
  else
    data += "null";
  data += '}';
  log::NewEvent event;
  event.stream = as_text(key);
  event.type = definition_->name + ".Changed";
  event.content_type = "application/json";
  const ByteView bytes = as_bytes(data);
  event.data.emplace(bytes.begin(), bytes.end());
  event.extensions = {{"causationposition", std::to_string(cause.position.raw())}};
  outbox_.publish(definition_->publish_topic, std::move(event));
}

}  // namespace stele::projections
