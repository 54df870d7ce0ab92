// What goes into a model's inputs (docs/runner-protocol.md, Random inputs).
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

uint64_t splitmix64(uint64_t *state);

bool inputs_can_be_random(int type);

// Fills `bytes` bytes of a tensor of this element type.
void inputs_random(uint64_t seed, int type, void *data, size_t bytes);

// Fails unless the file has exactly `bytes` bytes.
void inputs_read(const char *path, int model, const char *name, void *data, size_t bytes);
