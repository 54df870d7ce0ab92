// What the runner and the emulator's plugin agree on; docs/runner-protocol.md, Counters.
#pragma once

enum { COUNTER_PAGE_BYTES = 4096 };

// A counter's number is the word of the counter page it is read from.
enum counter {
    COUNTER_INSTRUCTIONS = 0,
    COUNTER_CYCLES = 1,
    COUNTERS,
};

// HINT #116, which no processor has a meaning for, tells the plugin that the page is about to be read.
enum { COUNTER_HINT = 116 };
#define COUNTER_HINT_INSTRUCTION (0xd503201fu | (unsigned)COUNTER_HINT << 5)
