// A core's pipelines at work on a few instructions, with their memory in the first cache.
#pragma once

#include "ports.h"

#include <stddef.h>

// One round of a loop of these operations, among many.
ticks pipeline_round(const struct core *core, const struct operation operations[], size_t count);

// In order: from the first operation until there is a place for what follows the last.
ticks pipeline_once(const struct core *core, const struct operation operations[], size_t count);

// The longest chain of operations that wait for each other.
ticks pipeline_longest_path(const struct core *core, const struct operation operations[], size_t count);
