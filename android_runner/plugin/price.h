// What a block of instructions costs a core.
#pragma once

#include "core_file.h"

#include <stddef.h>

enum { NO_LOOP = -1 };

struct price {
    parts cycles;
    parts overlap;  // behind so much of them lines come in unnoticed
};

// The number of the operation that the last one jumps back to, NO_LOOP if it is none of these.
int loop_top(const struct operation operations[], size_t count);

// The price of running the operations once. Where the last one jumps back to one of them what follows
// that one is a loop, and costs what a round among many does.
struct price block_price(const struct core *core, const struct operation operations[], size_t count);

// The same where the first `begun` operations are a block of their own: what is to be added to the
// price of that one. May be less than nothing, and then wraps around.
struct price block_rest_price(const struct core *core, const struct operation operations[], size_t count,
                              size_t begun);
