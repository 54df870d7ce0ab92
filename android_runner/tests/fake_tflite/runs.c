#include "fake.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

static int64_t microseconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void count(void)
{
    static uint64_t *page;

    if (!page && setting("page"))
        page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, open(setting("page"), O_RDWR), 0);
    if (!page)
        return;
    page[0] += 10;
    page[1] += 640;
    page[2] += 1;
}

static void spend(void)
{
    count();
    nanosleep(&(struct timespec){0, number("run_us", 10) * 1000l}, NULL);
}

static void run_operator(tflite_telemetry to, const char *name, int64_t node, int64_t subgraph)
{
    uint32_t handle = to ? to->begin(to, name, node, subgraph) : 0;

    spend();
    if (to)
        to->end(to, handle);
}

// A kernel that begins and ends, which forgets its name, and perhaps one in it.
static void run_kernel(tflite_telemetry to, int64_t node, int64_t subgraph)
{
    uint32_t handle;
    char name[64];

    snprintf(name, sizeof name, "TfLiteDelegate kernel %d", (int)node);
    handle = to->begin(to, name, node, subgraph);
    memset(name, 'x', sizeof name - 1);
    if (setting("nested"))
        run_operator(to, "part", node, subgraph);
    else
        spend();
    to->end(to, handle);
}

// The names do not outlast the call, as with the real one.
static void run_delegate(tflite_telemetry to, int64_t subgraph)
{
    uint32_t handle = to ? to->begin(to, "TfLiteXNNPackDelegate", 7, subgraph) : 0;
    int64_t began = microseconds();
    char name[64];

    spend();
    for (int i = 0; to && i < number("kernels", 2); i++) {
        int64_t took = setting("measured") ? microseconds() - began : 10 * (i + 1);

        snprintf(name, sizeof name, "Kernel %d of %d", i, number("kernels", 2));
        to->report(to, name, (uint64_t)took, i, subgraph);
    }
    memset(name, 'x', sizeof name - 1);
    for (int i = 0; to && i < number("begun", 0); i++)
        run_kernel(to, i, subgraph);
    if (to)
        to->end(to, handle);
}

// Against the interface's rules.
static void run_unnamed(tflite_telemetry to)
{
    run_operator(to, NULL, 3, 0);
    if (to)
        to->report(to, NULL, 5, 4, 0);
}

static void run_loop(tflite_telemetry to)
{
    uint32_t handle = to ? to->begin(to, "WHILE", 1, 0) : 0;

    for (int i = 0; i < 2; i++) {
        run_operator(to, "LESS", 0, 1);
        run_operator(to, "ADD", 0, 2);
        run_operator(to, "MUL", 1, 2);
    }
    run_operator(to, "LESS", 0, 1);
    if (to)
        to->end(to, handle);
}

static void misbehave(void)
{
    static int runs;
    int which = 0, when = 0;

    runs++;
    if (setting("crash") && sscanf(setting("crash"), "%d:%d", &which, &when) == 2 && when == runs)
        raise(which);
}

int fake_invoke(tflite_interpreter interpreter, int subgraph)
{
    tflite_telemetry to = interpreter->options.telemetry;

    trace("run xnnpack=%d telemetry=%d\n", interpreter->has_xnnpack, to != NULL);
    misbehave();
    if (!interpreter->is_allocated)
        return ERROR;
    spend();
    if (to) {
        to->settings(to, "settings", NULL);
        to->event(to, "Invoke", 0);
    }
    if (interpreter->has_xnnpack)
        run_delegate(to, subgraph);
    else
        run_operator(to, "CONV_2D", 0, subgraph);
    if (setting("loop"))
        run_loop(to);
    if (setting("unnamed"))
        run_unnamed(to);
    run_operator(to, "SOFTMAX", 2, subgraph);
    return 0;
}
