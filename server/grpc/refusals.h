// How a failure is told over gRPC: the one table of Code and gRPC status, and the Refusal that goes
// with it. Trailers are small (clients take 8 KiB), so what goes there is cut to fit, and says so.
// Thread: any.
#pragma once

#include <grpcpp/support/status.h>

#include <string>

#include "log/base/error.h"
#include "log/event_store/event_store.h"
#include "server/grpc/wire_writer.h"

namespace stele::rpc {

/// Why a request cannot be served: the error, and which field of the request is to blame, if one
/// is.
struct Fault {
  Error error;
  std::string field = {};  ///< "events[3].tags[0]"; empty: none
};

template <class T>
using Decoded = std::expected<T, Fault>;

/// The path of the field that the store's refusal of an append is about, read from how its detail
/// begins ("event 3: tag 0 …"); empty: none.
[[nodiscard]] std::string field_of(const Error& error);

/// The one table.
[[nodiscard]] ::grpc::StatusCode status_code(Code code);

/// A call's status, with a google.rpc.Status that holds a Refusal as its details.
[[nodiscard]] ::grpc::Status refused(const Fault& fault);
[[nodiscard]] ::grpc::Status refused(const Error& error);
[[nodiscard]] ::grpc::Status refused(const log::AppendRefusal& refusal);

/// Writes the fields of a stele.v1.Refusal, whole.
void write_refusal(WireWriter& to, const log::AppendRefusal& refusal);
void write_refusal(WireWriter& to, const Fault& fault);

}  // namespace stele::rpc
