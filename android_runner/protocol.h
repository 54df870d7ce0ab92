// What the runner and its readers agree on; docs/runner-protocol.md explains it.
#pragma once

#include "counters.h"

enum {
    PROTOCOL_VERSION = 1,
    MAX_MODELS = 2,
};

enum exit_status {
    EXIT_DONE = 0,
    EXIT_OPTIONS = 2,
    EXIT_RUNTIME = 3,
    EXIT_OUTPUT = 5,
};

enum variant { PLAIN, PROFILED, VARIANTS };

enum mode { MODE_TIME, MODE_COUNT };
