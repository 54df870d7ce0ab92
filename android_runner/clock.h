// The meter of an inference, and the clock the inference library sees.
#pragma once

#include "options.h"

#include <stdbool.h>
#include <stdint.h>

// Maps the counter page in mode `count`.
void clock_init(const struct options *options);

// Nanoseconds of CLOCK_MONOTONIC, whatever the library is being served.
uint64_t clock_now(void);

// The meter: nanoseconds, a counter, or, where several counters are meters, a number for this reading.
uint64_t clock_read(void);

// Makes room for readings to come: differences from those so far are worth nothing afterwards.
void clock_forget(void);

// Whether the meters are counters.
bool clock_counts(void);

// How many meters there are.
int clock_meters(void);

// The name of one in the records.
const char *clock_name(int meter);

// Whether a meter may stand still in an inference.
bool clock_may_rest(int meter);

// What each meter counted between two readings, of which the difference is given. Returns what is wrong
// with it, or NULL.
const char *clock_between(uint64_t difference, uint64_t counts[COUNTERS]);

// The first reading of an inference is served as this, because to profilers 0 means unknown.
enum { CLOCK_FIRST = 1000 };

// Between these two the library is served a fine clock, integer microseconds of which are
// units of the meter. In mode `time` that is for profiled inferences only.
void clock_serve(bool profiled);
void clock_restore(void);
