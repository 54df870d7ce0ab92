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

#include <inttypes.h>
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
static struct buffer more_values, more_elapsed;  // on the meters but the first, which lie together
static int64_t switches, switches_now;  // involuntary ones, before the first inference and after
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

static uint64_t on_meter(const struct buffer *first, const struct buffer *more, size_t index, int meter)
{
    size_t others = (size_t)clock_meters() - 1;

    return meter ? ((const uint64_t *)more->data)[index * others + (size_t)meter - 1]
                 : ((const uint64_t *)first->data)[index];
}

static uint64_t value_of(size_t index, int meter)
{
    return meter ? on_meter(NULL, &more_values, index, meter) : sample_at(index)->value;
}

size_t block_count(void)
{
    return samples.used / sizeof(struct sample);
}

void block_begin(struct model *new_model, enum variant new_variant)
{
    model = new_model;
    variant = new_variant;
    samples.used = elapsed.used = more_values.used = more_elapsed.used = 0;
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

// What the first meter counted between two readings; appends to `more` what the others did.
static uint64_t split(uint64_t difference, struct buffer *more, const char *what)
{
    uint64_t counts[COUNTERS];
    const char *wrong = clock_between(difference, counts);

    if (wrong)
        fail(EXIT_RUNTIME, "events", model->index, "the time of `%s`, %" PRIu64 ", %s", what, difference,
             wrong);
    if (more && clock_meters() > 1)
        buffer_append(more, counts + 1, ((size_t)clock_meters() - 1) * sizeof *counts);
    return counts[0];
}

static void split_event(struct runtime_event *event)
{
    event->elapsed = split(event->elapsed, &more_elapsed, event->tag);
    if (event->start)
        event->start = split(event->start - CLOCK_FIRST, NULL, event->tag) + CLOCK_FIRST;
}

static void keep_events(struct sample *sample)
{
    int count;
    struct runtime_event *events = runtime->events(model, variant, run_start, run_end, &count);

    count = structures_keep_timed(events, count);
    for (int i = 0; i < count; i++)
        split_event(&events[i]);
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
    sample.value = split(timed_run(), &more_values, "the run");
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

uint64_t block_latest(int meter)
{
    return value_of(block_count() - 1, meter);
}

static bool within(uint64_t value, uint64_t other, int64_t ppm)
{
    uint64_t apart = value > other ? value - other : other - value;

    return (double)apart * 1e6 <= (double)ppm * (double)other;
}

bool block_settled(int64_t ppm)
{
    const struct sample *last = sample_at(block_count() - 1), *previous = last - 1;

    if (block_count() < 2 || !within(last->value, previous->value, ppm))
        return false;
    if (variant == PLAIN)
        return true;
    if (ppm)
        return last->structure == previous->structure;
    return last->structure == previous->structure &&
           !memcmp(elapsed_of(last), elapsed_of(previous),
                   (size_t)structures_event_count(last->structure) * sizeof(uint64_t));
}

static void write_events(const struct sample *list, size_t count, int meter)
{
    record_list_begin("structure");
    for (size_t i = 0; i < count; i++)
        record_integer(NULL, list[i].structure);
    record_list_end();
    record_list_begin("events");
    for (size_t i = 0; i < count; i++) {
        size_t events = (size_t)structures_event_count(list[i].structure);

        record_list_begin(NULL);
        for (size_t e = 0; e < events; e++)
            record_unsigned(NULL, on_meter(&elapsed, &more_elapsed, list[i].first_event + e, meter));
        record_list_end();
    }
    record_list_end();
}

static void write_samples(size_t first, size_t count, int meter)
{
    const struct sample *list = sample_at(first);

    record_list_begin("value");
    for (size_t i = 0; i < count; i++)
        record_unsigned(NULL, value_of(first + i, meter));
    record_list_end();
    record_list_begin("core");
    for (size_t i = 0; i < count; i++)
        record_integer(NULL, list[i].core);
    record_list_end();
    if (variant == PROFILED)
        write_events(list, count, meter);
}

static void write_block(enum phase phase, int64_t round, size_t first, size_t count, int meter)
{
    static const char *const phases[] = {"first", "warmup", "steady"};

    record_begin("block");
    record_integer("m", model->index);
    record_text("v", variant == PROFILED ? "profiled" : "plain");
    record_text("phase", phases[phase]);
    record_integer("b", blocks_written);
    record_integer("round", round);
    record_text("counter", clock_name(meter));
    record_unsigned("t", sample_at(first)->t);
    conditions_write();
    record_known("nivcsw", clock_counts() || switches < 0 ? -1 : switches_now - switches);
    pace_write();
    write_samples(first, count, meter);
    pmu_write(first, count);
    record_end();
}

void block_write(enum phase phase, int64_t round, size_t first, size_t count)
{
    switches_now = platform_involuntary_switches();
    if (!count)
        return;
    conditions_after(sample_at(first + count - 1)->core);
    structures_write();
    for (int meter = 0; meter < clock_meters(); meter++)
        write_block(phase, round, first, count, meter);
    blocks_written++;
}
