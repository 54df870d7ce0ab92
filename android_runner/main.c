#include "clock.h"
#include "failure.h"
#include "options.h"
#include "platform.h"
#include "records.h"
#include "session.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

#ifndef RUNNER_BUILD
#define RUNNER_BUILD "000000000000"
#endif

static void write_hello(void)
{
    record_begin("hello");
    record_integer("protocol", PROTOCOL_VERSION);
    record_text("build", RUNNER_BUILD);
    record_text("platform", platform_name);
    record_integer("pid", getpid());
    record_unsigned("t", clock_now());
    record_end();
}

int main(int argc, char **argv)
{
    signal(SIGPIPE, SIG_IGN);
    records_open();
    write_hello();
    if (argc == 3 && !strcmp(argv[1], "--probe"))
        session_probe(argv[2]);
    if (argc != 2)
        fail(EXIT_OPTIONS, "options", NO_MODEL, "usage: %s OPTIONS_FILE, or %s --probe LIBRARY", argv[0],
             argv[0]);
    session_run(options_read(argv[1]));
}
