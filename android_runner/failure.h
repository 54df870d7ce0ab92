// The one way to give up: an error record, the end record, the exit status.
#pragma once

#include "protocol.h"

enum { NO_MODEL = -1, NO_STATUS = -1 };

_Noreturn void fail(enum exit_status exit_status, const char *where, int model,
                    const char *format, ...) __attribute__((format(printf, 4, 5)));

_Noreturn void fail_status(const char *where, int model, int status, const char *message);
