// What a block of instructions costs a core, with its memory in the first cache.
#pragma once

#include "core_file.h"

#include <stddef.h>

enum { NO_LOOP = -1 };

// The cost of running the operations once. Where the last one jumps to the operation numbered `top`
// what follows it is a loop, and its cost is that of a round among many; NO_LOOP: there is none.
parts block_cost(const struct core *core, const struct operation operations[], size_t count, int top);
