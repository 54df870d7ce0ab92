// What the runner and its readers agree on; docs/runner-protocol.md explains it.
#pragma once

enum {
    PROTOCOL_VERSION = 1,
    MAX_MODELS = 2,
    COUNTER_PAGE_BYTES = 4096,
};

enum exit_status {
    EXIT_DONE = 0,
    EXIT_OPTIONS = 2,
    EXIT_RUNTIME = 3,
    EXIT_OUTPUT = 5,
};

// A counter's number is the word of the counter page it is read from.
enum counter {
    COUNTER_INSTRUCTIONS = 0,
    COUNTER_CYCLES = 1,
    COUNTERS,
};

// HINT #116, which no processor has a meaning for, tells the emulator's plugin that the page is about
// to be read.
enum { COUNTER_HINT = 116 };
#define COUNTER_HINT_INSTRUCTION (0xd503201fu | (unsigned)COUNTER_HINT << 5)

enum variant { PLAIN, PROFILED, VARIANTS };

enum mode { MODE_TIME, MODE_COUNT };
