// Which inferences are run when.
#pragma once

#include "model.h"

// Mode `time`: warm-up, then rounds of blocks.
void schedule_time(struct model *models, const struct options *options);

// Mode `count`: until two inferences agree exactly.
void schedule_count(struct model *models, const struct options *options);

// Mode `count`, with `agree_ppm`: goes on after the first inference of a variant until two agree so far.
void schedule_few(const struct options *options);
