// Which inferences are run when.
#pragma once

#include "model.h"

// Mode `time`: warm-up, then rounds of blocks.
void schedule_time(struct model *models, const struct options *options);

// Mode `count`: until the counters settle.
void schedule_count(struct model *models, const struct options *options);
