// What the cores are like before and after a block: never read while an inference is timed.
#pragma once

#include "options.h"

void conditions_init(const struct options *options);

void conditions_before(int core);
void conditions_after(int core);

// Into the block's record.
void conditions_write(void);
