#include "fake.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static int runs, profiled_runs;

static void spend(int microseconds)
{
    nanosleep(&(struct timespec){microseconds / 1000000, microseconds % 1000000 * 1000l}, NULL);
}

static void add_event(struct litert_profiler *profiler, const char *tag, int type, uint64_t start,
                      uint64_t elapsed, uint64_t metadata1)
{
    profiler->events[profiler->count++] = (struct litert_event){
        .tag = tag, .type = type, .start_us = start, .elapsed_us = elapsed, .metadata1 = metadata1};
}

static void profile(struct litert_profiler *profiler)
{
    int kernels = number("events", 3);
    uint64_t moving = ++profiled_runs < number("settle", 0) ? (uint64_t)profiled_runs : 0;

    if (!profiler->started || setting("profiler"))
        return;
    kernels += setting("alternate") && profiled_runs % 2 == 0;
    profiler->count = 0;
    if (!kernels)
        return;
    add_event(profiler, "Invoke", 1, 5000, 1000 + moving, 0);
    for (int i = 0; i < kernels; i++)
        add_event(profiler, i % 2 ? "Conv, \"odd\"" : "Conv", 8, 0, (uint64_t)(10 * (i + 1)), (uint64_t)i);
    add_event(profiler, "telemetry", 32, 7, (uint64_t)runs, (uint64_t)runs);
    add_event(profiler, "node", 2, 5100, 7, (uint64_t)-1);
}

static uint64_t *counters(void)
{
    static uint64_t *page;

    if (!page && setting("page"))
        page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, open(setting("page"), O_RDWR), 0);
    return page;
}

static void add_count(void)
{
    uint64_t *page = counters(), count = 0;
    char *at = (char *)setting("counts");

    for (int i = 0; i < runs && at && *at; i++) {
        count = strtoull(at, &at, 10);
        at += *at == ',';
    }
    if (page)
        *page += count;
}

// As TensorFlow Lite calculates it.
static uint64_t microseconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)((double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3);
}

// The kernels of the script; the page moves in plain runs as well.
static void take_steps(struct litert_profiler *profiler, bool profiled)
{
    char steps[512], *at = steps;
    uint64_t *page = counters(), begin = microseconds(), before = begin, now = begin;

    snprintf(steps, sizeof steps, "%s", setting("steps"));
    profiler->count = 1;
    for (uint64_t i = 0; *at; i++, before = now) {
        for (int word = 0; word < 3; word++, at += *at == ':' || *at == ',')
            page[word] += strtoull(at, &at, 10);
        now = microseconds();
        add_event(profiler, "Kernel", 8, 0, now - before, i);
    }
    for (int i = number("asks", 0); i > 0; i--)
        microseconds();
    if (setting("twice"))
        profiler->events[profiler->count - 1].elapsed_us += profiler->events[1].elapsed_us;
    profiler->events[0] =
        (struct litert_event){.tag = "Invoke", .type = 1, .start_us = begin, .elapsed_us = microseconds() - begin};
    if (!profiled)
        profiler->count = 0;
}

static void dump(const struct litert_buffer *buffer)
{
    FILE *file = setting("dump") ? fopen(setting("dump"), "w") : NULL;

    if (!file)
        return;
    fwrite(buffer->data, 1, buffer->size, file);
    fclose(file);
}

static long milliseconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

// What a library asks the system, and what it is answered.
static void ask(bool profiled)
{
    FILE *status = fopen("/proc/self/status", "r");
    struct rusage usage = {0};
    unsigned cpu = 0;
    long before = milliseconds();

    getrusage(RUSAGE_SELF, &usage);
    syscall(SYS_getcpu, &cpu, NULL, NULL);
    spend(2000);
    trace("asked %s cpu=%u hwcap=%lx hwcap2=%lx status=%d maxrss=%d ms=%ld\n", profiled ? "profiled" : "plain",
          cpu, getauxval(AT_HWCAP), getauxval(AT_HWCAP2), status != NULL, usage.ru_maxrss > 0,
          milliseconds() - before);
    if (status)
        fclose(status);
}

static void misbehave(void)
{
    int which = 0, when = 0;

    if (setting("crash") && sscanf(setting("crash"), "%d:%d", &which, &when) == 2 && when == runs)
        raise(which);
    if (number("hang", 0) == runs) {
        fprintf(stderr, "hanging\n");
        for (;;)
            spend(1000);
    }
}

int LiteRtRunCompiledModel(litert_compiled compiled, size_t signature, size_t inputs, litert_buffer *input,
                           size_t outputs, litert_buffer *output)
{
    (void)output;
    SCRIPTED;
    runs++;
    trace("run %s %s\n", strrchr(compiled->file->path, '/') + 1, compiled->profiled ? "profiled" : "plain");
    misbehave();
    if (inputs != 1 || outputs != 1 || signature > 1)
        return INVALID;
    if (setting("print")) {
        printf("a line of the library\n");
        fflush(stdout);
    }
    spend(number("run_us", 10));
    if (setting("ask"))
        ask(compiled->profiled);
    dump(input[0]);
    add_count();
    if (setting("steps"))
        take_steps(&compiled->profiler, compiled->profiled);
    else if (compiled->profiled)
        profile(&compiled->profiler);
    return 0;
}

int LiteRtCompiledModelGetErrorMessages(litert_compiled compiled, char **messages)
{
    (void)compiled;
    if (!setting("messages"))
        return INVALID;
    *messages = strdup(setting("messages"));
    return 0;
}

int LiteRtCompiledModelGetProfiler(litert_compiled compiled, litert_profiler *profiler)
{
    const char *how = setting("profiler");

    SCRIPTED;
    *profiler = how && !strcmp(how, "none") ? NULL : &compiled->profiler;
    return how && !strcmp(how, "fail") ? INVALID : 0;
}

int LiteRtStartProfiler(litert_profiler profiler)
{
    SCRIPTED;
    profiler->started = true;
    return 0;
}

// Like the real one: no events until it is started again.
int LiteRtResetProfiler(litert_profiler profiler)
{
    SCRIPTED;
    profiler->started = false;
    profiler->count = 0;
    return 0;
}

int LiteRtGetNumProfilerEvents(litert_profiler profiler, int *count)
{
    SCRIPTED;
    *count = profiler->count;
    return 0;
}

int LiteRtGetProfilerEvents(litert_profiler profiler, int count, struct litert_event *events)
{
    SCRIPTED;
    if (count <= 0 || count > profiler->count)
        return INVALID;
    memcpy(events, profiler->events, (size_t)count * sizeof *events);
    return 0;
}
