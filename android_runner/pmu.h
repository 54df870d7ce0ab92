// The performance counters of the core, read before and after an inference.
#pragma once

#include "options.h"

// Opens the counters if they are asked for, and writes which there are. Before the library makes
// threads: those are counted, too.
void pmu_init(const struct options *options);

// Forgets what was kept.
void pmu_restart(void);

// Around an inference, outside of the readings of the clock.
void pmu_begin(void);
void pmu_end(void);

// Keeps what the latest inference took; below zero: not known, because a counter did not run all the time.
void pmu_keep(void);

// The kept values of inferences, into the block's record.
void pmu_write(size_t first, size_t count);
