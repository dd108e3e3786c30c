#include "server/kafka/handlers.h"
#include "server/kafka/wire/acls.h"

namespace stele::kafka {

namespace {
// What a Kafka broker says that has no authorizer.
constexpr std::string_view kNoAuthorizer = "No Authorizer is configured.";
}  // namespace

Next handle_describe_acls(Broker& broker, const Request& request) {
  if (!read_body<DescribeAclsRequest>(request)) return Next::kClose;
  DescribeAclsResponse response;
  response.error_code = ErrorCode::kSecurityDisabled;
  response.error_message = kNoAuthorizer;
  broker.metrics.count_error(request.api, ErrorCode::kSecurityDisabled);
  answer(request, response, broker.env.now());
  return Next::kGoOn;
}

Next handle_create_acls(Broker& broker, const Request& request) {
  const auto asked = read_body<CreateAclsRequest>(request);
  if (!asked) return Next::kClose;
  CreateAclsResponse response;
  const AclCreationResult refused{ErrorCode::kSecurityDisabled, std::string(kNoAuthorizer)};
  response.results.assign(asked->creations.size(), refused);
  broker.metrics.count_error(request.api, ErrorCode::kSecurityDisabled);
  answer(request, response, broker.env.now());
  return Next::kGoOn;
}

Next handle_delete_acls(Broker& broker, const Request& request) {
  const auto asked = read_body<DeleteAclsRequest>(request);
  if (!asked) return Next::kClose;
  DeleteAclsResponse response;
  const DeleteAclsFilterResult refused{
      ErrorCode::kSecurityDisabled, std::string(kNoAuthorizer), {}};
  response.filter_results.assign(asked->filters.size(), refused);
  broker.metrics.count_error(request.api, ErrorCode::kSecurityDisabled);
  answer(request, response, broker.env.now());
  return Next::kGoOn;
}

}  // namespace stele::kafka
