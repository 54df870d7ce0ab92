#include "clock.h"

#include "failure.h"
#include "interpose.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { NS_PER_US = 1000, US_PER_S = 1000000, NS_PER_S = 1000000000 };

// The first reading of an inference is this many units, because to the profiler 0 means unknown.
enum { FIRST_READING = 1000 };

static const char *const counter_names[COUNTERS] = {"instructions", "cycles"};

static const volatile uint64_t *counters;  // NULL in mode `time`
static enum counter selected;

static volatile bool serving;
static uint64_t served_from;

static int real_clock_gettime(clockid_t id, struct timespec *time)
{
#ifdef RUNNER_NO_INTERPOSERS
    return clock_gettime(id, time);
#else
    // Not the system call: libc's function reads the clock without entering the kernel.
    return NEXT(clock_gettime)(id, time);
#endif
}

uint64_t clock_now(void)
{
    struct timespec now;

    real_clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

uint64_t clock_read(void)
{
    return counters ? counters[selected] : clock_now();
}

void clock_select(enum counter counter)
{
    selected = counter;
}

bool clock_counts(void)
{
    return counters;
}

const char *clock_name(void)
{
    return counters ? counter_names[selected] : "ns";
}

void clock_serve(bool profiled)
{
    served_from = clock_read() - FIRST_READING;
    serving = profiled || counters;
}

void clock_restore(void)
{
    serving = false;
}

#ifndef RUNNER_NO_INTERPOSERS
EXPORT int clock_gettime(clockid_t id, struct timespec *time)
{
    if (!serving || id != CLOCK_MONOTONIC)
        return real_clock_gettime(id, time);
    uint64_t microseconds = clock_read() - served_from;

    time->tv_sec = (time_t)(microseconds / US_PER_S);
    time->tv_nsec = (long)(microseconds % US_PER_S * NS_PER_US);
    return 0;
}
#endif

void clock_init(const struct options *options)
{
    struct stat page;
    int file;

    clock_now();  // finds the real function before anything is timed
    if (options->mode == MODE_TIME)
        return;
    file = open(options->counter_page, O_RDONLY | O_CLOEXEC);
    if (file < 0 || fstat(file, &page) < 0)
        fail(EXIT_RUNTIME, "counter_page", NO_MODEL, "%s: %s", options->counter_page, strerror(errno));
    if (page.st_size < COUNTER_PAGE_BYTES)
        fail(EXIT_RUNTIME, "counter_page", NO_MODEL, "%s has %lld bytes, not %d", options->counter_page,
             (long long)page.st_size, COUNTER_PAGE_BYTES);
    counters = mmap(NULL, COUNTER_PAGE_BYTES, PROT_READ, MAP_SHARED, file, 0);
    if (counters == MAP_FAILED)
        fail(EXIT_RUNTIME, "counter_page", NO_MODEL, "%s: %s", options->counter_page, strerror(errno));
    close(file);
    selected = options->counters[0];
}
