#include "block.h"

#include "buffer.h"
#include "clock.h"
#include "conditions.h"
#include "emulation.h"
#include "failure.h"
#include "pace.h"
#include "platform.h"
#include "pmu.h"
#include "quiet.h"
#include "records.h"
#include "runtime.h"
#include "signals.h"
#include "structures.h"

#include <string.h>

struct sample {
    uint64_t t;
    uint64_t value;
    int core;
    int structure;
    size_t first_event;
};

static struct model *model;
static enum variant variant;
static struct buffer samples, elapsed;
static int64_t switches;  // involuntary ones of the process before the first inference
static uint64_t run_start, run_end;
static int64_t blocks_written;

static struct sample *sample_at(size_t index)
{
    return (struct sample *)samples.data + index;
}

static const uint64_t *elapsed_of(const struct sample *sample)
{
    return (const uint64_t *)elapsed.data + sample->first_event;
}

size_t block_count(void)
{
    return samples.used / sizeof(struct sample);
}

void block_begin(struct model *new_model, enum variant new_variant)
{
    model = new_model;
    variant = new_variant;
    samples.used = elapsed.used = 0;
    pmu_restart();
    pace_restart();
    conditions_before(emulation_current_cpu());
    switches = platform_involuntary_switches();
    signals_doing("run", model->index);
}

// The timed region: between the two readings there is nothing but the run.
static uint64_t timed_run(void)
{
    const struct compiled *compiled = &model->compiled[variant];
    int status;

    if (variant == PROFILED)
        runtime->restart_events(model, variant);
    quiet_set(variant == PROFILED);
    clock_serve(variant == PROFILED);
    pmu_begin();
    run_start = clock_read();
    status = runtime->run(model, compiled);
    run_end = clock_read();
    pmu_end();
    clock_restore();
    quiet_set(false);
    runtime->check_run(model, variant, status);
    return run_end - run_start;
}

static void keep_events(struct sample *sample)
{
    int count;
    struct runtime_event *events = runtime->events(model, variant, run_start, run_end, &count);

    count = structures_keep_timed(events, count);
    sample->structure = structures_number(model->index, events, count);
    sample->first_event = elapsed.used / sizeof(uint64_t);
    for (int i = 0; i < count; i++)
        buffer_append(&elapsed, &events[i].elapsed, sizeof(uint64_t));
}

void block_infer(void)
{
    struct sample sample;

    pace_wait();
    sample = (struct sample){.t = clock_now()};
    sample.value = timed_run();
    sample.core = emulation_current_cpu();
    pace_finished();
    pmu_keep();
    if (variant == PROFILED)
        keep_events(&sample);
    buffer_append(&samples, &sample, sizeof sample);
}

void block_infer_unrecorded(void)
{
    pace_wait();
    timed_run();
    pace_finished();
}

uint64_t block_latest(void)
{
    return sample_at(block_count() - 1)->value;
}

bool block_settled(void)
{
    const struct sample *last = sample_at(block_count() - 1), *previous = last - 1;

    if (block_count() < 2 || last->value != previous->value)
        return false;
    if (variant == PLAIN)
        return true;
    return last->structure == previous->structure &&
           !memcmp(elapsed_of(last), elapsed_of(previous),
                   (size_t)structures_event_count(last->structure) * sizeof(uint64_t));
}

static void write_events(const struct sample *list, size_t count)
{
    record_list_begin("structure");
    for (size_t i = 0; i < count; i++)
        record_integer(NULL, list[i].structure);
    record_list_end();
    record_list_begin("events");
    for (size_t i = 0; i < count; i++) {
        record_list_begin(NULL);
        for (int e = 0; e < structures_event_count(list[i].structure); e++)
            record_unsigned(NULL, elapsed_of(&list[i])[e]);
        record_list_end();
    }
    record_list_end();
}

static void write_samples(const struct sample *list, size_t count)
{
    record_list_begin("value");
    for (size_t i = 0; i < count; i++)
        record_unsigned(NULL, list[i].value);
    record_list_end();
    record_list_begin("core");
    for (size_t i = 0; i < count; i++)
        record_integer(NULL, list[i].core);
    record_list_end();
    if (variant == PROFILED)
        write_events(list, count);
}

void block_write(enum phase phase, int64_t round, size_t first, size_t count)
{
    static const char *const phases[] = {"first", "warmup", "steady"};
    const struct sample *list = sample_at(first);
    int64_t switches_now = platform_involuntary_switches();

    if (!count)
        return;
    conditions_after(list[count - 1].core);
    structures_write();
    record_begin("block");
    record_integer("m", model->index);
    record_text("v", variant == PROFILED ? "profiled" : "plain");
    record_text("phase", phases[phase]);
    record_integer("b", blocks_written++);
    record_integer("round", round);
    record_text("counter", clock_name());
    record_unsigned("t", list->t);
    conditions_write();
    record_known("nivcsw", clock_counts() || switches < 0 ? -1 : switches_now - switches);
    pace_write();
    write_samples(list, count);
    pmu_write(first, count);
    record_end();
}
