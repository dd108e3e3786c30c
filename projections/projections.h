// Typed folds, all of them: #include "projections/projections.h".
//
// What a fold is made of is in fold/projection.h; who runs it is in engine/. Public headers need the
// standard library alone. Thread: see each header.
#pragma once

#include "projections/fold/event_traits.h"  // IWYU pragma: export
#include "projections/fold/projection.h"    // IWYU pragma: export
#include "projections/fold/state_codec.h"   // IWYU pragma: export
