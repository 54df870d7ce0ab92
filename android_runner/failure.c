#include "failure.h"

#include "platform.h"
#include "records.h"

#include <stdarg.h>
#include <stdio.h>

static _Noreturn void give_up(enum exit_status exit_status, const char *where, int model,
                              int status, const char *message)
{
    char line[1200];

    snprintf(line, sizeof line, "tflprof-runner: %s: %s\n", where, message);
    platform_tell(line);
    record_begin("error");
    record_text("where", where);
    record_known("model", model);
    record_known("status", status);
    record_text("message", message);
    record_end();
    records_finish("error", exit_status);
}

void fail(enum exit_status exit_status, const char *where, int model, const char *format, ...)
{
    char message[1024];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    give_up(exit_status, where, model, NO_STATUS, message);
}

void fail_status(const char *where, int model, int status, const char *message)
{
    give_up(EXIT_RUNTIME, where, model, status, message);
}
