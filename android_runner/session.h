// The whole session, from the library to the end record.
#pragma once

#include "options.h"

_Noreturn void session_run(const struct options *options);

// Only loads the library, to see whether it can be.
_Noreturn void session_probe(const char *library);
