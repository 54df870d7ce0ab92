// A periodic run: inferences begin on a grid of times, as frames of a camera arrive.
#pragma once

#include "options.h"

void pace_init(const struct options *options);

// Counts missed deadlines anew.
void pace_restart(void);

// Waits for the next time of the grid; returns at once without a period.
void pace_wait(void);

// After an inference: what has passed of the grid since its begin are deadlines that it missed.
void pace_finished(void);

// Into the block's record.
void pace_write(void);
