// The whole session, from the library to the end record.
#pragma once

#include "options.h"

_Noreturn void session_run(const struct options *options);
