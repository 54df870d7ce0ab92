// LiteRT: inferences and the events of its profiler.
#include "buffer.h"
#include "failure.h"
#include "litert_api.h"

static struct buffer raw_events, events;

// LiteRtResetProfiler alone leaves the profiler stopped.
static void restart_events(struct model *model, enum variant variant)
{
    litert_profiler profiler = model->compiled[variant].profiler;

    if (!profiler)
        return;
    LITERT_CALL("profiler", model->index, NULL, ResetProfiler, profiler);
    LITERT_CALL("profiler", model->index, NULL, StartProfiler, profiler);
}

static int run(const struct model *model, const struct compiled *compiled)
{
    return litert.RunCompiledModel(compiled->handle, model->signature_index, model->input_count,
                                   (litert_buffer *)compiled->inputs, model->output_count,
                                   (litert_buffer *)compiled->outputs);
}

static void check_run(struct model *model, enum variant variant, int status)
{
    litert_check(status, "run", model->index, model->compiled[variant].handle, "LiteRtRunCompiledModel");
}

// Served a fine clock, the profiler's microseconds are units of the meter.
static void translate(const struct litert_event *raw, int count)
{
    events.used = 0;
    for (int i = 0; i < count; i++) {
        struct runtime_event event = {
            .tag = raw[i].tag,
            .type = raw[i].type,
            .source = raw[i].source,
            .start = raw[i].start_us,
            .elapsed = raw[i].elapsed_us,
            .metadata1 = raw[i].metadata1,
            .metadata2 = raw[i].metadata2,
        };

        buffer_append(&events, &event, sizeof event);
    }
}

static struct runtime_event *read_events(struct model *model, enum variant variant, uint64_t start,
                                         uint64_t end, int *count)
{
    litert_profiler profiler = model->compiled[variant].profiler;

    (void)start, (void)end;
    *count = 0;
    if (profiler)
        LITERT_CALL("events", model->index, NULL, GetNumProfilerEvents, profiler, count);
    if (*count <= 0)
        return NULL;  // asking for no events is an error
    raw_events.used = 0;
    buffer_reserve(&raw_events, (size_t)*count * sizeof(struct litert_event));
    LITERT_CALL("events", model->index, NULL, GetProfilerEvents, profiler, *count,
                (struct litert_event *)raw_events.data);
    translate((const struct litert_event *)raw_events.data, *count);
    return (struct runtime_event *)events.data;
}

static const char *version(void)
{
    return NULL;
}

const struct runtime_api litert_api = {
    .name = "litert",
    .find = litert_find,
    .version = version,
    .open = litert_open,
    .compile = litert_compile,
    .discard = litert_discard,
    .describe = litert_describe,
    .resize = litert_resize,
    .allocate = litert_allocate,
    .lock_input = litert_lock_input,
    .unlock_input = litert_unlock_input,
    .restart_events = restart_events,
    .run = run,
    .check_run = check_run,
    .events = read_events,
};
