// Caches and memory, as far as their costs go: which level has a line, what is written back when.
#pragma once

#include "core_file.h"

struct level {
    uint64_t *tags;  // of each set: its lines, the one used last first; twice the line's number, odd if dirty
    uint64_t sets, mask;
    unsigned ways;
    parts hit;
};

// Where the costs of memory go.
struct bill {
    uint64_t *stalled;        // parts of cycles are added here
    uint64_t *lines;          // and what memory read or wrote here
    uint64_t (*earned)(void); // parts of cycles so far behind which lines may come in unnoticed
};

struct memory {
    unsigned line_shift, levels;
    struct level level[CACHE_LEVELS];
    parts dram_read, dram_write;
    struct bill *bill;
    parts spent;  // of what the bill's core has earned
};

// Empty caches as the core file states them. Ends the process when there is no memory for them.
void memory_init(struct memory *memory, const struct core *core, struct bill *bill);

// What memory_touch does where the line is not the one of its set that was used last.
void memory_reach(struct memory *memory, uint64_t line, bool store);

// The core accesses a line.
static inline void memory_touch(struct memory *memory, uint64_t line, bool store)
{
    const struct level *first = &memory->level[0];
    uint64_t *set = first->tags + (first->mask ? line & first->mask : line % first->sets) * first->ways;

    if (*set >> 1 == line)
        *set |= store;
    else
        memory_reach(memory, line, store);
}
