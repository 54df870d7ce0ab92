// A LiteRT library that does what the environment variable FAKE_LITERT says: settings
// NAME=VALUE separated by `;`.
//
//   fail=FUNCTION:STATUS:N    the Nth call of the function returns the status
//   messages=TEXT             what the compiled model tells about errors
//   crash=SIGNAL:N            the Nth run raises the signal
//   run_us=N                  a run takes so long
//   hang=N                    the Nth run never ends, and says so on standard error
//   print=1                   every run prints on standard output
//   events=N                  kernels of a profiled run, after one `Invoke`
//   alternate=1               every second run shows one kernel more
//   settle=N                  elapsed values change with every run before the Nth profiled one
//   profiler=none|fail        there is none, or asking for it fails
//   type=N                    element type of the input
//   dims=A,B,...              its dimensions; below zero: dynamic
//   dump=FILE                 every run writes the input's bytes there
//   trace=FILE                calls that matter, a line each
//   ask=1                     every run traces what the system answers to a library
//   page=FILE, counts=A,B,... the Nth run adds the Nth number (then the last) to word 0
//   page=FILE, steps=A:B:C,... kernels: each adds to the words 0, 1 and 2, and is timed as XNNPACK does it
//   asks=N                    such a run asks for the time so often besides
//   twice=1                   the last kernel tells the time of the first one besides its own
#pragma once

#include "../../elements.h"
#include "../../litert.h"

enum { MAX_EVENTS = 64, INVALID = 1, FILE_ERROR = 500 };

struct litert_file {
    char path[512];
};

struct litert_buffer {
    size_t size;
    char data[4096];
};

struct litert_profiler {
    bool started;
    int count;
    struct litert_event events[MAX_EVENTS];
};

struct litert_compiled {
    struct litert_file *file;
    bool profiled;
    struct litert_layout input;
    struct litert_profiler profiler;
};

struct litert_options {
    bool profiled;
};

struct litert_opaque {
    const char *name, *text;
};

// The value of a setting, in a buffer that the next question overwrites; NULL if not set.
const char *setting(const char *name);

int number(const char *name, int otherwise);

void trace(const char *format, ...) __attribute__((format(printf, 1, 2)));

// The status the script wants of this call of a function.
int scripted(const char *function);

// Returns from the calling function when the script says so.
#define SCRIPTED                            \
    do {                                    \
        int wanted_status = scripted(__func__); \
        if (wanted_status)                  \
            return wanted_status;           \
    } while (0)

// The input as the file declares it.
struct litert_layout file_layout(void);
