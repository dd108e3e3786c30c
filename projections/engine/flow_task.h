// A flow at work: moved to projections/flow.
#pragma once

#include "projections/flow/flow_task.h"
