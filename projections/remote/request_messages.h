// What EventAccess asks for, as messages of proto/stele/v1, and refusals read back.
// Internal to this folder. Thread: any.
#pragma once

#include <grpcpp/support/status.h>
#include <stele/v1/event_store.pb.h>

#include <string_view>

#include "log/event_store/event_store.h"

namespace stele::projections {

[[nodiscard]] v1::AppendRequest append_message(const log::EventAppend& append);
[[nodiscard]] v1::ReadRequest read_message(const log::ReadRequest& request);
/// Events of one of these topics; of one topic alone its own selection, which reads less.
void select_topics(v1::Selection& to, const std::vector<std::string>& topics);

/// `asked`: whose checks the refusal names by number.
[[nodiscard]] log::AppendRefusal refusal_of(const v1::Refusal& refusal,
                                            const log::EventAppend& asked);
/// Of a call that failed, for a caller who can react: the server's own reason, or what the status
/// says (`where` is put in front). An append that got no answer may have been done.
[[nodiscard]] log::AppendRefusal refusal_of(const ::grpc::Status& status,
                                            const log::EventAppend& asked, std::string_view where);
[[nodiscard]] Error error_of(const ::grpc::Status& status, std::string_view where);

/// `asked`: the ids that the caller gave.
[[nodiscard]] log::AppendedEvents appended_of(const v1::Appended& from,
                                              const log::EventAppend& asked);

}  // namespace stele::projections
