// What the runner and the emulator's plugin agree on; docs/runner-protocol.md, Counters.
#pragma once

enum { COUNTER_PAGE_BYTES = 4096 };

// A counter's number is the word of the counter page it is read from.
enum counter {
    COUNTER_INSTRUCTIONS = 0,
    COUNTER_CYCLES = 1,      // of the modelled core, in parts of COUNTER_CYCLE_PARTS
    COUNTER_DRAM_LINES = 2,  // cache lines read from and written to memory
    COUNTERS,
};

enum { COUNTER_CYCLE_PARTS = 64 };

// HINT #116, which no processor has a meaning for, tells the plugin that the page is about to be read.
enum { COUNTER_HINT = 116 };
#define COUNTER_HINT_INSTRUCTION (0xd503201fu | (unsigned)COUNTER_HINT << 5)
