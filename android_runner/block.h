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

// What the latest inference cost.
uint64_t block_latest(void);

// Whether the two latest inferences agree in total and every event.
bool block_settled(void);

// Writes `count` inferences from `first` on as one block, with new structures before it.
void block_write(enum phase phase, int64_t round, size_t first, size_t count);
