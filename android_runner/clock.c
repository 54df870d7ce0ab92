#include "clock.h"

#include "failure.h"
#include "interpose.h"
#include "readings.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { NS_PER_US = 1000, US_PER_S = 1000000, NS_PER_S = 1000000000 };

static const char *const counter_names[COUNTERS] = {"instructions", "cycles", "dram_lines"};

// The one counter that is read; NULL in mode `time`, and where readings have numbers.
static const volatile uint64_t *counters;
static enum counter selected;

// Readings have numbers: of several counters, or of one that is not in its unit.
static bool numbered;
static const struct options *asked;

static volatile bool serving;
static uint64_t served_from;

// libc's function, which reads the clock without entering the kernel.
static __typeof__(&clock_gettime) read_clock;

static int real_clock_gettime(clockid_t id, struct timespec *time)
{
    // libc itself may ask before main(), when the dynamic linker cannot be asked for its function.
    return read_clock ? read_clock(id, time) : (int)syscall(SYS_clock_gettime, id, time);
}

static void find_clock(void)
{
#ifdef INTERPOSE_CLOCK
    read_clock = NEXT(clock_gettime);
#else
    read_clock = clock_gettime;
#endif
}

uint64_t clock_now(void)
{
    struct timespec now;

    real_clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

static uint64_t read_counter(void)
{
    readings_announce();
    return counters[selected];
}

static inline uint64_t read_meter(bool of_library)
{
    // In this order, so that one counter alone counts what it always did.
    return counters ? read_counter() : numbered ? readings_take(of_library) : clock_now();
}

uint64_t clock_read(void)
{
    return read_meter(false);
}

bool clock_counts(void)
{
    return counters || numbered;
}

int clock_meters(void)
{
    return clock_counts() ? asked->counter_count : 1;
}

const char *clock_name(int meter)
{
    return clock_counts() ? counter_names[asked->counters[meter]] : "ns";
}

bool clock_may_rest(int meter)
{
    return clock_counts() && asked->counters[meter] == COUNTER_DRAM_LINES;
}

const char *clock_between(uint64_t difference, uint64_t counts[COUNTERS])
{
    uint64_t all[COUNTERS];
    const char *wrong = NULL;

    counts[0] = difference;
    if (!numbered)
        return NULL;
    wrong = readings_between(difference, all);
    for (int meter = 0; !wrong && meter < asked->counter_count; meter++)
        counts[meter] = all[asked->counters[meter]];
    return wrong;
}

void clock_forget(void)
{
    if (numbered)
        readings_restart();
}

void clock_serve(bool profiled)
{
    clock_forget();
    served_from = clock_read() - CLOCK_FIRST;
    serving = profiled || clock_counts();
}

void clock_restore(void)
{
    serving = false;
}

#ifdef INTERPOSE_CLOCK
EXPORT int clock_gettime(clockid_t id, struct timespec *time)
{
    if (!serving || id != CLOCK_MONOTONIC)
        return real_clock_gettime(id, time);
    uint64_t microseconds = read_meter(true) - served_from;

    time->tv_sec = (time_t)(microseconds / US_PER_S);
    time->tv_nsec = (long)(microseconds % US_PER_S * NS_PER_US);
    return 0;
}
#endif

static void read_page(const volatile uint64_t *page, uint64_t counts[COUNTERS])
{
    readings_announce();
    for (int counter = 0; counter < COUNTERS; counter++)
        counts[counter] = page[counter];
}

enum { TRIALS = 1000 };

// What the page counts while the clock is read so often, called as it is called by others.
static void count_trials(const volatile uint64_t *page, bool of_library, uint64_t counts[COUNTERS])
{
    static __typeof__(&clock_gettime) volatile by_library = clock_gettime;
    static __typeof__(&clock_read) volatile by_us = clock_read;
    uint64_t before[COUNTERS];
    struct timespec time;

    read_page(page, before);
    for (int i = 0; i < TRIALS; i++)
        if (of_library)
            by_library(CLOCK_MONOTONIC, &time);
        else
            by_us();
    read_page(page, counts);
    for (int counter = 0; counter < COUNTERS; counter++)
        counts[counter] -= before[counter];
}

// From one counter to several: finds out how much more their readings cost.
static void number_readings(void)
{
    const volatile uint64_t *page = counters;
    uint64_t alone[2][COUNTERS], together[COUNTERS];

    serving = true;
    for (int of_library = 0; of_library < 2; of_library++)
        count_trials(page, of_library, alone[of_library]);
    readings_open(page);
    counters = NULL;
    numbered = true;
    for (int of_library = 0; of_library < 2; of_library++) {
        readings_restart();
        count_trials(page, of_library, together);
        for (int counter = 0; counter < COUNTERS; counter++) {
            uint64_t one = alone[of_library][counter], several = together[counter];

            together[counter] = several > one ? (several - one) / TRIALS : 0;
        }
        together[COUNTER_DRAM_LINES] = 0;  // the list is read and written through caches
        readings_surplus(of_library, together);
    }
    serving = false;
    readings_restart();
}

void clock_init(const struct options *options)
{
    off_t bytes;
    int file;

    find_clock();
    asked = options;
    if (options->mode == MODE_TIME)
        return;
    file = open(options->counter_page, O_RDONLY | O_CLOEXEC);
    bytes = file < 0 ? -1 : lseek(file, 0, SEEK_END);
    if (bytes < 0)
        fail(EXIT_RUNTIME, "counter_page", NO_MODEL, "%s: %s", options->counter_page, strerror(errno));
    if (bytes < COUNTER_PAGE_BYTES)
        fail(EXIT_RUNTIME, "counter_page", NO_MODEL, "%s has %lld bytes, not %d", options->counter_page,
             (long long)bytes, COUNTER_PAGE_BYTES);
    counters = mmap(NULL, COUNTER_PAGE_BYTES, PROT_READ, MAP_SHARED, file, 0);
    if (counters == MAP_FAILED)
        fail(EXIT_RUNTIME, "counter_page", NO_MODEL, "%s: %s", options->counter_page, strerror(errno));
    close(file);
    selected = options->counters[0];
    if (options->counter_count > 1 || selected == COUNTER_CYCLES)
        number_readings();
}
