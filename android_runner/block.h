// Runs inferences one after the other, keeps what they cost, and writes it as blocks.
#pragma once

#include "model.h"

enum phase { FIRST, WARMUP, STEADY };

// Starts anew with a model and variant.
void block_begin(struct model *model, enum variant variant);

// Runs one inference and keeps it.
void block_infer(void);

// Runs one inference and forgets it.
void block_infer_unrecorded(void);

size_t block_count(void);

// What the latest inference cost on a meter.
uint64_t block_latest(int meter);

// Whether the two latest inferences agree on the first meter: in total and every event, or, where `ppm` is
// not 0, in the total but for so many millionths and in what their events are.
bool block_settled(int64_t ppm);

// Writes `count` inferences from `first` on as one block for each meter, with new structures before it.
void block_write(enum phase phase, int64_t round, size_t first, size_t count);
