// Several counters in one run: every reading of the meter keeps all of them, and answers with a number.
#pragma once

#include "counters.h"

#include <stdbool.h>
#include <stdint.h>

// Tells the emulator's plugin that the page is about to be read.
static inline void readings_announce(void)
{
#ifdef __aarch64__
    __asm__ volatile("hint %0" : : "i"(COUNTER_HINT) : "memory");
#endif
}

// Once: takes memory for them.
void readings_open(const volatile uint64_t *page);

// Forgets those so far.
void readings_restart(void);

// The library's readings and our own are told apart, since they cost differently much.
uint64_t readings_take(bool of_library);

// What such a reading costs more than one of a single counter, as the page counts it: taken off from now on.
void readings_surplus(bool of_library, const uint64_t surplus[COUNTERS]);

// What each counter counted between the two readings whose numbers differ so, in its unit, had there been
// no other counter. Returns what is wrong with the difference, or NULL.
const char *readings_between(uint64_t difference, uint64_t counts[COUNTERS]);
