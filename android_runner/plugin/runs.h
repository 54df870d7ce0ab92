// Access runs: the accesses of a block through the same pointer, joined where they are neighbours, so
// that the caches are asked once for all of them.
#pragma once

#include "operation.h"

#include <stddef.h>

struct run {
    size_t carrier;   // the operation whose address, when it runs, tells where all of them are
    int32_t first;    // byte of the run, from that address
    uint32_t bytes;
    uint16_t pieces;  // bytes of the carrier's access if the emulator may cut it, else 0
    bool store;
};

enum { MOST_RUNS = 1024 };

// Finds the runs of a block, whose instructions all run when one does; returns how many.
// Neighbours are at most `line` bytes apart.
size_t find_runs(const struct operation operations[], size_t count, unsigned line, struct run runs[MOST_RUNS]);
