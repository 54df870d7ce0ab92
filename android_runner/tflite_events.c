// TensorFlow Lite: what the interpreter tells its telemetry becomes events as LiteRT's profiler has
// them: a call of a subgraph is a phase named `Invoke` and comes before the operators in it; a
// delegate's node stands for its kernels, and is one only if the delegate tells none. A kernel that
// begins kernels inside of it is like a delegate's node.
#include "buffer.h"
#include "clock.h"
#include "failure.h"
#include "tflite.h"

#include <string.h>

enum { MAX_NOTES = 1 << 15, TEXT_BYTES = 1 << 20, NOBODY = -1 };

enum { PHASE = 1, OPERATOR = 2, DELEGATE_KERNEL = 4 };

// An operator or kernel that began, or one that a delegate reports with its time.
struct note {
    const char *tag;
    uint64_t start, end;
    int64_t node, subgraph;
    int parent;  // the operator it happened in
    bool reported, is_kernel, has_kernels;
};

static struct buffer notes, text, events;
static int note_count, open_note, lost;

static struct note *note_at(int index)
{
    return (struct note *)notes.data + index;
}

// What a delegate calls its kernels does not outlast the call.
static const char *kept(const char *tag)
{
    size_t bytes = strlen(tag) + 1;
    char *place = text.data + text.used;

    if (text.used + bytes > TEXT_BYTES)
        return NULL;
    text.used += bytes;
    return memcpy(place, tag, bytes);
}

static struct note *add(const char *tag, int64_t node, int64_t subgraph)
{
    struct note *note = note_at(note_count);

    if (note_count == MAX_NOTES || !tag) {
        lost++;
        return NULL;
    }
    *note = (struct note){.tag = tag, .node = node, .subgraph = subgraph, .parent = open_note};
    note_count++;
    return note;
}

static bool is_delegate(const struct note *note)
{
    return !note->reported && !strncmp(note->tag, "TfLite", 6) && strstr(note->tag, "Delegate");
}

// What begins or is reported in it is its kernels; in another operator it is those of a subgraph.
static bool holds_kernels(const struct note *note)
{
    return note->is_kernel || is_delegate(note);
}

static const char *named(const char *name)
{
    return name ? name : "unnamed";
}

static uint32_t begin(tflite_telemetry telemetry, const char *name, int64_t node, int64_t subgraph)
{
    bool is_kernel = open_note != NOBODY && holds_kernels(note_at(open_note));
    struct note *note = add(is_kernel ? kept(named(name)) : named(name), node, subgraph);

    (void)telemetry;
    if (!note)
        return UINT32_MAX;
    note->is_kernel = is_kernel;
    if (is_kernel)
        note_at(open_note)->has_kernels = true;
    open_note = note_count - 1;
    note->start = clock_read();
    return (uint32_t)open_note;
}

static void end(tflite_telemetry telemetry, uint32_t handle)
{
    uint64_t now = clock_read();

    (void)telemetry;
    if (handle >= (uint32_t)note_count)
        return;
    note_at((int)handle)->end = now;
    open_note = note_at((int)handle)->parent;
}

// Served a fine clock, the delegate's microseconds are units of the meter.
static void report(tflite_telemetry telemetry, const char *name, uint64_t microseconds, int64_t node,
                   int64_t subgraph)
{
    struct note *note = add(kept(named(name)), node, subgraph);

    (void)telemetry;
    if (!note)
        return;
    note->end = microseconds;
    note->reported = true;
    if (open_note != NOBODY)
        note_at(open_note)->has_kernels = true;
}

static void event(tflite_telemetry telemetry, const char *name, uint64_t status)
{
    (void)telemetry, (void)name, (void)status;
}

static void operator_event(tflite_telemetry telemetry, const char *name, int64_t node, int64_t subgraph,
                           uint64_t status)
{
    (void)telemetry, (void)name, (void)node, (void)subgraph, (void)status;
}

static void settings(tflite_telemetry telemetry, const char *name, const void *values)
{
    (void)telemetry, (void)name, (void)values;
}

tflite_telemetry tflite_listen(void)
{
    static struct tflite_telemetry telemetry = {NULL, event, operator_event, settings, begin, end, report};

    if (!tflite.InterpreterOptionsSetTelemetryProfiler)
        return NULL;
    buffer_reserve(&notes, MAX_NOTES * sizeof(struct note));
    buffer_reserve(&text, TEXT_BYTES);
    return &telemetry;
}

void tflite_restart_events(struct model *model, enum variant variant)
{
    (void)model, (void)variant;
    note_count = lost = 0;
    open_note = NOBODY;
    text.used = 0;
}

static uint64_t elapsed(const struct note *note)
{
    return note->end > note->start ? note->end - note->start : 0;
}

static void emit(const char *tag, int type, uint64_t began, uint64_t took, int64_t node, int64_t subgraph)
{
    struct runtime_event event = {
        .tag = tag,
        .type = type,
        .start = began,
        .elapsed = took,
        .metadata1 = (uint64_t)node,
        .metadata2 = (uint64_t)subgraph,
    };

    buffer_append(&events, &event, sizeof event);
}

// The last operator of the call of a subgraph that the operator `first` begins.
static int last_of_call(int first)
{
    const struct note *begun = note_at(first);
    int last = first;

    for (int i = first + 1; i < note_count; i++) {
        const struct note *note = note_at(i);

        if (note->parent < begun->parent)
            break;
        if (note->parent != begun->parent || note->reported)
            continue;
        if (note->subgraph != begun->subgraph)
            break;
        last = i;
    }
    return last;
}

static void emit_note(const struct note *note, uint64_t began)
{
    bool reported_inside = note->reported && note->parent != NOBODY;

    if (holds_kernels(note) && note->has_kernels)
        return;
    if (note->is_kernel)
        emit(note->tag, DELEGATE_KERNEL, began, elapsed(note), note->node, note->subgraph);
    else if (is_delegate(note))
        emit(note->tag, DELEGATE_KERNEL, began, elapsed(note), 0, note->subgraph);
    else if (note->reported)
        emit(note->tag, reported_inside ? DELEGATE_KERNEL : OPERATOR, 0, note->end, note->node,
             note->subgraph);
    else
        emit(note->tag, OPERATOR, began, elapsed(note), note->node, note->subgraph);
}

struct runtime_event *tflite_events(struct model *model, enum variant variant, uint64_t start, uint64_t end,
                                    int *count)
{
    int call_parent = NOBODY, call_end = note_count;  // the latest call inside an operator

    events.used = 0;
    *count = 0;
    if (!model->compiled[variant].profiler)
        return NULL;
    if (lost)
        fail(EXIT_RUNTIME, "events", model->index,
             "an inference has more than %d events, or more than %d bytes of names", MAX_NOTES, TEXT_BYTES);
    emit("Invoke", PHASE, CLOCK_FIRST, end - start, 0, note_count ? note_at(0)->subgraph : model->subgraph);
    for (int i = 0; i < note_count; i++) {
        const struct note *note = note_at(i);
        uint64_t began = note->start - start + CLOCK_FIRST;
        bool in_operator = note->parent != NOBODY && !note->reported && !note->is_kernel;

        if (in_operator && (note->parent != call_parent || i > call_end)) {
            call_parent = note->parent;
            call_end = last_of_call(i);
            emit("Invoke", PHASE, began, note_at(call_end)->end - note->start, 0, note->subgraph);
        }
        emit_note(note, began);
    }
    *count = (int)(events.used / sizeof(struct runtime_event));
    return (struct runtime_event *)events.data;
}
