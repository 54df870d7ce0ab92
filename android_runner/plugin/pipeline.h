// What a block of instructions costs a core, with its memory in the first cache.
#pragma once

#include "core_file.h"

#include <stddef.h>

enum { NO_LOOP = -1 };

// The number of the operation that the last one jumps back to, NO_LOOP if it is none of these.
int loop_top(const struct operation operations[], size_t count);

// The cost of running the operations once. Where the last one jumps back to one of them what follows
// that one is a loop, and costs what a round among many does.
parts block_cost(const struct core *core, const struct operation operations[], size_t count);

// The same where the first `begun` operations are a block of their own: what is to be added to the
// cost of that one. May be less than nothing, and then wraps around.
parts block_rest_cost(const struct core *core, const struct operation operations[], size_t count, size_t begun);
