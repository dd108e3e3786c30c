// The handlers, one for each API. Each answers the request, at once or later, or says kClose for
// bytes that are not such a message. kWait: nothing may overtake it on its connection.
#pragma once

#include "server/kafka/broker.h"

namespace stele::kafka {

using Next = RequestHandler::Next;

// api_versions_handler.cpp
Next handle_api_versions(Broker& broker, const Request& request);
/// In the one form that every client reads: v0, error 35, the range of ApiVersions alone.
void answer_unsupported_api_versions(Broker& broker, Request request);

// metadata_handler.cpp
Next handle_metadata(Broker& broker, Request request, const Client& client);
Next handle_describe_cluster(Broker& broker, const Request& request, const Client& client);

// topics_handler.cpp
Next handle_create_topics(Broker& broker, Request request);
Next handle_delete_topics(Broker& broker, Request request);

// produce_handler.cpp
Next handle_produce(Broker& broker, Request request);

// producers_handler.cpp
Next handle_init_producer_id(Broker& broker, Request request);

// coordinators_handler.cpp
Next handle_find_coordinator(Broker& broker, const Request& request);

// fetch_handler.cpp
Next handle_fetch(Broker& broker, Request request);

// offsets_handler.cpp
Next handle_list_offsets(Broker& broker, const Request& request);
Next handle_offset_for_leader_epoch(Broker& broker, const Request& request);

// configs_handler.cpp
Next handle_describe_configs(Broker& broker, const Request& request);

/// kFencedLeaderEpoch or kUnknownLeaderEpoch if the client believes in another timeline; -1 is any.
[[nodiscard]] ErrorCode check_leader_epoch(std::int32_t current, std::int32_t expected);

/// 1 to 249 of [a-zA-Z0-9._-], not "." or "..".
[[nodiscard]] bool is_legal_topic_name(std::string_view name);
/// Topics that hold the service's own state: clients may neither create nor write them.
[[nodiscard]] bool is_reserved_topic_name(std::string_view name);

}  // namespace stele::kafka
