#include "session.h"

#include "block.h"
#include "clock.h"
#include "conditions.h"
#include "emulation.h"
#include "failure.h"
#include "model.h"
#include "pace.h"
#include "platform.h"
#include "pmu.h"
#include "records.h"
#include "runtime.h"
#include "schedule.h"
#include "signals.h"

#include <inttypes.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

static struct model models[MAX_MODELS];

static void finish_if_stopped(void)
{
    if (stop_requested())
        records_finish("stopped", EXIT_DONE);
}

// Not qsort(), which may take memory from the heap.
static void sort(uint64_t *values, int count)
{
    for (int i = 1; i < count; i++) {
        uint64_t value = values[i];
        int place = i;

        for (; place > 0 && values[place - 1] > value; place--)
            values[place] = values[place - 1];
        values[place] = value;
    }
}

static uint64_t on_meter(uint64_t difference, int meter)
{
    uint64_t counts[COUNTERS] = {0};

    clock_between(difference, counts);
    return counts[meter];
}

// The smallest step seen and the median cost of a reading.
static void write_clock(int meter)
{
    enum { READINGS = 1001 };
    static uint64_t steps[READINGS];
    uint64_t previous = clock_read(), tick = 0, start, spent;

    for (int i = 0; i < READINGS; i++) {
        uint64_t reading = clock_read();

        steps[i] = reading - previous;
        previous = reading;
    }
    start = clock_read();
    for (int i = 0; i < READINGS; i++)
        clock_read();
    spent = on_meter(clock_read() - start, meter);
    for (int i = 0; i < READINGS; i++)
        steps[i] = on_meter(steps[i], meter);
    sort(steps, READINGS);
    for (int i = 0; i < READINGS && !tick; i++)
        tick = steps[i];
    record_begin("clock");
    record_text("counter", clock_name(meter));
    record_known("tick", tick ? (int64_t)tick : -1);
    // A coarse clock stands still over many readings: then their mean says more.
    record_unsigned("read", steps[READINGS / 2] ? steps[READINGS / 2] : spent / READINGS);
    record_end();
}

static void write_cpus(const char *key, const int *cpus, int count)
{
    record_list_begin(key);
    for (int i = 0; i < count; i++)
        record_integer(NULL, cpus[i]);
    record_list_end();
}

// An emulated program is on the CPU it is told to be on; the host's own are not its business.
static int allowed_cpus(const struct options *options, int *cpus)
{
    if (options->guest_cpu < 0)
        return platform_get_affinity(cpus);
    cpus[0] = (int)options->guest_cpu;
    return 1;
}

static void pin(const struct options *options)
{
    static int allowed[MAX_CPUS];
    int refusal = options->cpu_count ? platform_set_affinity(options->cpus, options->cpu_count) : 0;

    record_begin("affinity");
    write_cpus("requested", options->cpus, options->cpu_count);
    write_cpus("allowed", allowed, allowed_cpus(options, allowed));
    record_text("error", refusal ? strerror(refusal) : NULL);
    record_end();
}

static void load_library(const char *path)
{
    runtime_load(path);
    record_begin("library");
    record_text("path", path);
    record_text("api", runtime->name);
    record_text("version", runtime->version());
    record_null("build");
    record_end();
}

// Inside an emulator the process is the emulator's, whose memory says nothing.
static void write_memory(const struct model *model, const char *at)
{
    struct memory_use use = clock_counts() ? (struct memory_use){-1, -1} : platform_memory_use();

    record_begin("memory");
    record_integer("m", model->index);
    record_text("at", at);
    record_known("peak_bytes", use.peak_bytes);
    record_known("current_bytes", use.current_bytes);
    record_end();
}

static void init(struct model *model, enum variant variant, const char *cache, const struct options *options)
{
    uint64_t t = clock_now(), start, value, values[COUNTERS];
    const char *wrong;

    clock_forget();
    start = clock_read();
    runtime->compile(model, variant, options);
    value = clock_read() - start;
    wrong = clock_between(value, values);
    if (wrong)
        fail(EXIT_RUNTIME, "events", model->index, "the time of `init`, %" PRIu64 ", %s", value, wrong);
    for (int meter = 0; meter < clock_meters(); meter++) {
        record_begin("init");
        record_integer("m", model->index);
        record_text("v", variant == PROFILED ? "profiled" : "plain");
        record_text("cache", cache);
        record_unsigned("t", t);
        if (clock_meters() > 1)
            record_text("counter", clock_name(meter));
        record_unsigned("value", values[meter]);
        record_end();
    }
    finish_if_stopped();
}

// With a weight cache: once to fill it, once to find it filled.
static void init_first(struct model *model, enum variant variant, const struct options *options)
{
    char cache[PATH_MAX];

    if (!options->weight_cache) {
        init(model, variant, "none", options);
        return;
    }
    model_weight_cache(model, options, cache, sizeof cache);
    unlink(cache);
    init(model, variant, "cold", options);
    runtime->discard(model, variant);
    init(model, variant, "warm", options);
}

static void first_inference(struct model *model, enum variant variant)
{
    block_begin(model, variant);
    block_infer();
    for (int meter = 0; clock_counts() && meter < clock_meters(); meter++)
        if (!block_latest(meter) && !clock_may_rest(meter))
            fail(EXIT_RUNTIME, "counter_page", NO_MODEL,
                 "the counter `%s` stands still: is the emulator's plugin loaded, with this page?",
                 clock_name(meter));
    block_write(FIRST, 0, 0, 1);
    finish_if_stopped();
}

// Makes a model's first variant ready.
static void open_model(struct model *model, enum variant variant, const struct options *options)
{
    write_memory(model, "start");
    init_first(model, variant, options);
    write_memory(model, "init");
    model_prepare(model, variant, options);
    model_write(model);
    first_inference(model, variant);
    write_memory(model, "first");
}

static void open_again(struct model *model, enum variant variant, const struct options *options)
{
    init(model, variant, options->weight_cache ? "warm" : "none", options);
    model_prepare(model, variant, options);
    first_inference(model, variant);
}

static void open_models(const struct options *options)
{
    enum variant first = options->variants[PLAIN] ? PLAIN : PROFILED;

    for (int m = 0; m < options->model_count; m++)
        open_model(&models[m], first, options);
    model_check_names(models, options->model_count, options);
    for (int m = 0; first == PLAIN && options->variants[PROFILED] && m < options->model_count; m++)
        open_again(&models[m], PROFILED, options);
}

// Few inferences: those of a variant follow each other, and a large model is not run plain.
static void open_and_count_few(struct model *model, const struct options *options)
{
    enum variant first = options->variants[PROFILED] ? PROFILED : PLAIN;

    open_model(model, first, options);
    if (model->index == options->model_count - 1)
        model_check_names(models, options->model_count, options);
    schedule_few(options);
    finish_if_stopped();
    if (first == PLAIN || !options->variants[PLAIN])
        return;
    if (options->plain_max && block_latest(0) > (uint64_t)options->plain_max)
        return;
    open_again(model, PLAIN, options);
    schedule_few(options);
    finish_if_stopped();
}

static void measure(const struct options *options)
{
    if (options->mode == MODE_COUNT && options->agree_ppm) {
        for (int m = 0; m < options->model_count; m++)
            open_and_count_few(&models[m], options);
        return;
    }
    open_models(options);
    if (options->mode == MODE_TIME)
        schedule_time(models, options);
    else
        schedule_count(models, options);
}

void session_run(const struct options *options)
{
    signals_init(options->watch_stdin);
    emulation_init(options);
    clock_init(options);
    conditions_init(options);
    pace_init(options);
    for (int meter = 0; meter < clock_meters(); meter++)
        write_clock(meter);
    pin(options);
    pmu_init(options);
    load_library(options->library);
    runtime->open(options);
    for (int m = 0; m < options->model_count; m++) {
        models[m].index = m;
        models[m].path = options->models[m];
    }
    measure(options);
    for (int m = 0; m < options->model_count; m++)
        write_memory(&models[m], "end");
    records_finish(stop_requested() ? "stopped" : "ok", EXIT_DONE);
}

void session_probe(const char *library)
{
    signals_init(false);
    load_library(library);
    records_finish("ok", EXIT_DONE);
}
