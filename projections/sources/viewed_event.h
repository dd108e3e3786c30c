// An event that a store has read, as a fold takes it: the same, header by header, as when the log
// is read in order. Where the record's own headers are not known (a store behind a wire), they are
// written as event_record.h writes them. The stream's version is left out: folds don't see it.
// Thread: its owner's.
#pragma once

#include <string>
#include <vector>

#include "log/events/event_view.h"
#include "projections/fold/input_event.h"

namespace stele::projections {

class ViewedEvent {
public:
  /// Views into `view` and this, until the next call.
  const InputEvent& read(const log::EventView& view);

private:
  void take_record_headers(const HeadersView& headers);
  void make_headers(const log::EventView& view);
  void add(std::string_view name, std::string_view value);

  InputEvent event_;
  std::vector<HeaderView> headers_;
  std::string tags_;
  std::vector<std::string> names_;
};

}  // namespace stele::projections
