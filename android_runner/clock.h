// The meter of an inference, and the clock the inference library sees.
#pragma once

#include "options.h"

#include <stdbool.h>
#include <stdint.h>

// Maps the counter page in mode `count`.
void clock_init(const struct options *options);

// Nanoseconds of CLOCK_MONOTONIC, whatever the library is being served.
uint64_t clock_now(void);

// In mode `count`: which counter clock_read() reads from here on.
void clock_select(enum counter counter);

// The meter: nanoseconds, or the selected counter.
uint64_t clock_read(void);

// Whether the meter is a counter.
bool clock_counts(void);

// Its name in the records.
const char *clock_name(void);

// Between these two the library is served a fine clock, integer microseconds of which are
// units of the meter. In mode `time` that is for profiled inferences only.
void clock_serve(bool profiled);
void clock_restore(void);
