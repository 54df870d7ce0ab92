// The costs of a core, as a text file states them (docs/cost-model.md, The core file).
#pragma once

#include "operation.h"

// Times are in parts of a cycle throughout the model: COUNTER_CYCLE_PARTS to one.
typedef uint64_t parts;

enum { MOST_PIPES = 12, MOST_PIPE_COUNT = 8, MOST_USES = 4, MOST_WINDOW = 1024, CACHE_LEVELS = 3 };

// What an instruction keeps busy: one pipe of a kind, for so long.
struct pipe_use {
    uint8_t pipe;
    uint32_t occupancy;
};

struct class_cost {
    bool given;
    uint8_t use_count;
    uint32_t slots;       // of issue, in parts
    uint32_t latency;
    uint32_t accumulate;  // from an accumulator to the sum
    struct pipe_use uses[MOST_USES];
};

struct cache_size {
    uint64_t bytes;
    unsigned ways;
};

struct core {
    bool in_order;
    bool caches;
    unsigned width;
    unsigned window;
    unsigned line;
    unsigned pipe_count;
    char pipe_names[MOST_PIPES][32];
    unsigned pipes[MOST_PIPES];  // how many of the kind
    struct class_cost classes[CLASSES];
    parts mispredict;
    struct cache_size cache[CACHE_LEVELS];
    parts hit[CACHE_LEVELS];  // exposed by an access that is found here; none in the first level
    parts dram_read, dram_write;
    uint32_t loop_factor, straight_factor;  // on cycles, in 1/FACTOR_ONE
    uint32_t overlap;  // share of the cycles without loads behind which lines come in, likewise
};

enum { FACTOR_ONE = 1024 };

// Complains to standard error and returns false about a file that is not complete and right.
bool read_core_file(const char *path, struct core *core);
