// All that a service needs to fold the events of a store: #include "projections/projections.h".
// Sources behind a wire have headers of their own: projections/remote/kafka_source.h,
// server_source.h. Thread: see each header.
#pragma once

#include "projections/engine/engine.h"            // IWYU pragma: export
#include "projections/fold/event_traits.h"        // IWYU pragma: export
#include "projections/fold/projection.h"          // IWYU pragma: export
#include "projections/fold/state_codec.h"         // IWYU pragma: export
#include "projections/process/decider.h"          // IWYU pragma: export
#include "projections/sources/embedded_source.h"  // IWYU pragma: export
#include "projections/temporal/moment.h"          // IWYU pragma: export
