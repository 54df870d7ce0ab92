// A library around the real one: every run is the real run and then some more of the processor's time, as SCRIPT says.
// It is linked with the real library, so that all other functions are found there.
//
// SCRIPT is settings NAME=NUMBER separated by `;`. Times are in percent of the real run's:
//
//   always=N     every run
//   profiled=N   every run of a profiled model
//   process=N    so much more with every process since STATE was emptied
//   either=N     all runs of every process whose number has it in the stars (about half of them)
//   scatter=N    up to so much, another share in each process
//   grow=N       so much more with every 100 ms of the process
//   least_us=N   every run lasts so long at least
//
// STATE is a file to which each process adds a byte.
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { MOST_PROFILED = 8, PER_SECOND = 10 };

// What the file is recognised by.
const char recognised[] = "\0LiteRtCreateEnvironment";

static void *profiled[MOST_PROFILED];
static int profiled_count;
static uint64_t began;
static long process;

static uint64_t now(void)
{
    struct timespec time;

    // Not by libc's function, which the runner has replaced.
    syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

static double setting(const char *name)
{
    size_t length = strlen(name);

    for (const char *at = SCRIPT; *at; at = strchr(at, ';') ? strchr(at, ';') + 1 : "")
        if (!strncmp(at, name, length) && at[length] == '=')
            return atof(at + length + 1);
    return 0;
}

static void begin(void)
{
    struct stat facts = {0};
    int file = open(STATE, O_WRONLY | O_APPEND | O_CREAT, 0600);

    if (file >= 0 && write(file, "", 1) == 1 && !fstat(file, &facts))
        process = (long)facts.st_size;
    close(file);
    began = now();
}

// Between 0 and 1, the same for all runs of a process.
static double chance(void)
{
    uint64_t bits = (uint64_t)process * 0x9E3779B97F4A7C15u;

    bits = (bits ^ bits >> 30) * 0xBF58476D1CE4E5B9u;
    bits = (bits ^ bits >> 27) * 0x94D049BB133111EBu;
    return (double)((bits ^ bits >> 31) >> 11) / (double)(1ull << 53);
}

static int is_profiled(const void *compiled)
{
    for (int i = 0; i < profiled_count; i++)
        if (profiled[i] == compiled)
            return 1;
    return 0;
}

static double percent(const void *compiled, uint64_t start)
{
    double all = setting("always") + setting("process") * (double)(process - 1) + setting("scatter") * chance();

    if (is_profiled(compiled))
        all += setting("profiled");
    if (setting("either") && chance() < 0.5)
        all += setting("either");
    return all + setting("grow") * PER_SECOND * (double)(start - began) / 1e9;
}

#define EXPORTED __attribute__((visibility("default")))

EXPORTED int LiteRtCompiledModelGetProfiler(void *compiled, void **profiler)
{
    static int (*real)(void *, void **);

    if (!real)
        real = (int (*)(void *, void **))dlsym(RTLD_NEXT, "LiteRtCompiledModelGetProfiler");
    if (!is_profiled(compiled) && profiled_count < MOST_PROFILED)
        profiled[profiled_count++] = compiled;
    return real(compiled, profiler);
}

EXPORTED int LiteRtRunCompiledModel(void *compiled, size_t signature, size_t inputs, void **input, size_t outputs,
                                    void **output)
{
    static int (*real)(void *, size_t, size_t, void **, size_t, void **);
    uint64_t start, wanted, least = (uint64_t)(setting("least_us") * 1000);
    int status;

    if (!real)
        real = (int (*)(void *, size_t, size_t, void **, size_t, void **))dlsym(RTLD_NEXT, "LiteRtRunCompiledModel");
    if (!began)
        begin();
    start = now();
    status = real(compiled, signature, inputs, input, outputs, output);
    wanted = (uint64_t)((double)(now() - start) * (1 + percent(compiled, start) / 100));
    if (wanted < least)
        wanted = least;
    while (now() - start < wanted)
        ;
    return status;
}
