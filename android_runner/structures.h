// The lists of profiler events seen so far, and the writing of new ones.
#pragma once

#include "runtime.h"

// Moves the events that have a time to the front and returns their number.
int structures_keep_timed(struct runtime_event *events, int count);

// The number of the structure of these events of a model; remembers it when it is new.
int structures_number(int model, const struct runtime_event *events, int count);

int structures_event_count(int structure);

// Writes the structures not written yet.
void structures_write(void);
