#include "structures.h"

#include "buffer.h"
#include "records.h"

#include <string.h>

struct event {
    int type, source;
    uint64_t metadata1, metadata2;
    uint64_t start, elapsed;  // of the inference that showed the structure first
    size_t tag;               // offset in `tags`
};

struct structure {
    int model;
    int count;
    size_t first;  // index in `events`
    uint64_t hash;
};

static struct buffer structures, events, tags;
static int written;

static struct structure *structure_at(int number)
{
    return (struct structure *)structures.data + number;
}

static int structure_count(void)
{
    return (int)(structures.used / sizeof(struct structure));
}

static struct event *event_at(size_t index)
{
    return (struct event *)events.data + index;
}

int structures_keep_timed(struct runtime_event *list, int count)
{
    int kept = 0;

    for (int i = 0; i < count; i++)
        if (list[i].type < FIRST_TIMELESS_EVENT)
            list[kept++] = list[i];
    return kept;
}

// FNV-1a over whole words; equality is checked, so it only has to spread.
static uint64_t hash_events(const struct runtime_event *list, int count)
{
    uint64_t hash = 0xcbf29ce484222325u;

    for (int i = 0; i < count; i++) {
        const uint64_t words[] = {(uint64_t)list[i].type, (uint64_t)list[i].source, list[i].metadata1,
                                  list[i].metadata2};

        for (size_t w = 0; w < sizeof words / sizeof *words; w++)
            hash = (hash ^ words[w]) * 0x100000001b3u;
        for (const char *tag = list[i].tag; *tag; tag++)
            hash = (hash ^ (unsigned char)*tag) * 0x100000001b3u;
    }
    return hash;
}

static bool same_event(const struct event *known, const struct runtime_event *seen)
{
    return known->type == seen->type && known->source == seen->source &&
           known->metadata1 == seen->metadata1 && known->metadata2 == seen->metadata2 &&
           !strcmp(tags.data + known->tag, seen->tag);
}

static bool same_events(const struct structure *known, const struct runtime_event *list)
{
    for (int i = 0; i < known->count; i++)
        if (!same_event(event_at(known->first + (size_t)i), &list[i]))
            return false;
    return true;
}

static uint64_t earliest_start(const struct runtime_event *list, int count)
{
    uint64_t earliest = 0;

    for (int i = 0; i < count; i++)
        if (list[i].start && (!earliest || list[i].start < earliest))
            earliest = list[i].start;
    return earliest;
}

static int remember(int model, const struct runtime_event *list, int count, uint64_t hash)
{
    uint64_t earliest = earliest_start(list, count);
    struct structure structure = {model, count, events.used / sizeof(struct event), hash};

    for (int i = 0; i < count; i++) {
        struct event event = {
            .type = list[i].type,
            .source = list[i].source,
            .metadata1 = list[i].metadata1,
            .metadata2 = list[i].metadata2,
            .start = list[i].start ? list[i].start - earliest : 0,
            .elapsed = list[i].elapsed,
            .tag = tags.used,
        };

        buffer_append(&tags, list[i].tag, strlen(list[i].tag) + 1);
        buffer_append(&events, &event, sizeof event);
    }
    buffer_append(&structures, &structure, sizeof structure);
    return structure_count() - 1;
}

int structures_number(int model, const struct runtime_event *list, int count)
{
    uint64_t hash = hash_events(list, count);

    for (int i = structure_count() - 1; i >= 0; i--) {
        const struct structure *known = structure_at(i);

        if (known->model == model && known->hash == hash && known->count == count && same_events(known, list))
            return i;
    }
    return remember(model, list, count, hash);
}

int structures_event_count(int structure)
{
    return structure_at(structure)->count;
}

static void write_event(const struct event *event)
{
    record_list_begin(NULL);
    record_integer(NULL, event->type);
    record_integer(NULL, event->source);
    record_integer(NULL, (int64_t)event->metadata1);
    record_integer(NULL, (int64_t)event->metadata2);
    record_text(NULL, tags.data + event->tag);
    record_list_end();
}

static void write_structure(int number)
{
    const struct structure *structure = structure_at(number);
    const struct event *first = event_at(structure->first);

    record_begin("structure");
    record_integer("m", structure->model);
    record_integer("s", number);
    record_list_begin("events");
    for (int i = 0; i < structure->count; i++)
        write_event(&first[i]);
    record_list_end();
    record_list_begin("start");
    for (int i = 0; i < structure->count; i++)
        record_unsigned(NULL, first[i].start);
    record_list_end();
    record_list_begin("elapsed");
    for (int i = 0; i < structure->count; i++)
        record_unsigned(NULL, first[i].elapsed);
    record_list_end();
    record_end();
}

void structures_write(void)
{
    for (; written < structure_count(); written++)
        write_structure(written);
}
