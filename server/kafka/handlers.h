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
Next handle_describe_producers(Broker& broker, const Request& request);

// partitions_handler.cpp
Next handle_create_partitions(Broker& broker, Request request);
Next handle_delete_records(Broker& broker, Request request);
Next handle_describe_topic_partitions(Broker& broker, const Request& request);

// replicas_handler.cpp
Next handle_elect_leaders(Broker& broker, const Request& request);
Next handle_alter_partition_reassignments(Broker& broker, const Request& request);
Next handle_list_partition_reassignments(Broker& broker, const Request& request);
Next handle_describe_log_dirs(Broker& broker, const Request& request);
Next handle_describe_quorum(Broker& broker, const Request& request, const Client& client);

// acls_handler.cpp
Next handle_describe_acls(Broker& broker, const Request& request);
Next handle_create_acls(Broker& broker, const Request& request);
Next handle_delete_acls(Broker& broker, const Request& request);

// quotas_handler.cpp
Next handle_describe_client_quotas(Broker& broker, const Request& request);
Next handle_alter_client_quotas(Broker& broker, Request request);

// coordinators_handler.cpp
Next handle_find_coordinator(Broker& broker, Request request, const Client& client);

// group_handlers.cpp
Next handle_join_group(Broker& broker, Request request, const Client& client);
Next handle_sync_group(Broker& broker, Request request);
Next handle_heartbeat(Broker& broker, const Request& request);
Next handle_leave_group(Broker& broker, Request request);
Next handle_consumer_group_heartbeat(Broker& broker, Request request, const Client& client);

// group_offsets_handler.cpp
Next handle_offset_commit(Broker& broker, Request request);
Next handle_offset_fetch(Broker& broker, Request request);
Next handle_offset_delete(Broker& broker, Request request);

// group_admin_handler.cpp
Next handle_describe_groups(Broker& broker, const Request& request);
Next handle_list_groups(Broker& broker, const Request& request);
Next handle_delete_groups(Broker& broker, Request request);
Next handle_consumer_group_describe(Broker& broker, const Request& request);

// fetch_handler.cpp
Next handle_fetch(Broker& broker, Request request);

// offsets_handler.cpp
Next handle_list_offsets(Broker& broker, const Request& request);
Next handle_offset_for_leader_epoch(Broker& broker, const Request& request);

// configs_handler.cpp
Next handle_describe_configs(Broker& broker, const Request& request);
Next handle_list_config_resources(Broker& broker, const Request& request);

// alter_configs_handler.cpp
Next handle_alter_configs(Broker& broker, Request request);
Next handle_incremental_alter_configs(Broker& broker, Request request);

/// kFencedLeaderEpoch or kUnknownLeaderEpoch if the client believes in another timeline; -1 is any.
[[nodiscard]] ErrorCode check_leader_epoch(std::int32_t current, std::int32_t expected);

/// 1 to 249 of [a-zA-Z0-9._-], not "." or "..".
[[nodiscard]] bool is_legal_topic_name(std::string_view name);
/// Topics that hold the service's own state: clients may neither create nor write them.
[[nodiscard]] bool is_reserved_topic_name(std::string_view name);

}  // namespace stele::kafka
