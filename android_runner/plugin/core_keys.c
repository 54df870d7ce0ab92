// What the keys of the core file mean.
#include "core_line.h"

#include <string.h>

enum { CORE_FILE_VERSION = 1 };

static bool read_order(const struct line *line, struct core *core)
{
    core->in_order = !strcmp(line->words[1], "in");
    return core->in_order || !strcmp(line->words[1], "out") || line_complain(line, "neither in nor out:", line->words[1]);
}

static bool read_version(const struct line *line, struct core *core)
{
    uint64_t version;

    (void)core;
    return line_whole(line, line->words[1], CORE_FILE_VERSION, CORE_FILE_VERSION, &version);
}

static bool read_width(const struct line *line, struct core *core)
{
    return line_whole_unsigned(line, line->words[1], 1, 16, &core->width);
}

static bool read_window(const struct line *line, struct core *core)
{
    return line_whole_unsigned(line, line->words[1], 0, MOST_WINDOW, &core->window);
}

static bool read_mispredict(const struct line *line, struct core *core)
{
    return line_cycles(line, line->words[1], &core->mispredict);
}

static int pipe_named(const struct core *core, const char *name)
{
    for (unsigned i = 0; i < core->pipe_count; i++)
        if (!strcmp(core->pipe_names[i], name))
            return (int)i;
    return -1;
}

static bool read_pipe(const struct line *line, struct core *core)
{
    unsigned pipe = core->pipe_count;

    if (pipe_named(core, line->words[1]) >= 0)
        return line_complain(line, "stated twice: pipe", line->words[1]);
    if (pipe == MOST_PIPES || strlen(line->words[1]) >= sizeof core->pipe_names[pipe])
        return line_complain(line, "too many pipes, or too long a name:", line->words[1]);
    strcpy(core->pipe_names[pipe], line->words[1]);
    core->pipe_count++;
    return line_whole_unsigned(line, line->words[2], 1, MOST_PIPE_COUNT, &core->pipes[pipe]);
}

static struct class_cost *class_named(struct core *core, const char *name)
{
    for (unsigned i = 0; i < CLASSES; i++)
        if (!strcmp(operation_class_name(i), name))
            return &core->classes[i];
    return NULL;
}

static bool read_use(const struct line *line, int at, const struct core *core, struct class_cost *cost)
{
    struct pipe_use *use = &cost->uses[cost->use_count];
    int pipe = pipe_named(core, line->words[at]);
    unsigned same = 1;

    if (pipe < 0)
        return line_complain(line, "no such pipe:", line->words[at]);
    for (unsigned i = 0; i < cost->use_count; i++)
        same += cost->uses[i].pipe == pipe;
    if (same > core->pipes[pipe])
        return line_complain(line, "more pipes than there are of", line->words[at]);
    use->pipe = (uint8_t)pipe;
    cost->use_count++;
    return line_cycles_32(line, line->words[at + 1], &use->occupancy);
}

static bool read_class(const struct line *line, struct core *core)
{
    struct class_cost *cost = class_named(core, line->words[1]);
    bool none = line->count == 5 && !strcmp(line->words[4], "-");

    if (!cost)
        return line_complain(line, "no such class:", line->words[1]);
    if (cost->given)
        return line_complain(line, "stated twice: class", line->words[1]);
    if (!none && (line->count % 2 || line->count > 4 + 2 * MOST_USES))
        return line_complain(line, "needs SLOTS LATENCY and pairs of PIPE OCCUPANCY: class", line->words[1]);
    cost->given = true;
    if (!line_cycles_32(line, line->words[2], &cost->slots) || !line_cycles_32(line, line->words[3], &cost->latency))
        return false;
    cost->accumulate = cost->latency;
    for (int i = 4; i < line->count && !none; i += 2)
        if (!read_use(line, i, core, cost))
            return false;
    return true;
}

static bool read_accumulate(const struct line *line, struct core *core)
{
    struct class_cost *cost = class_named(core, line->words[1]);

    if (!cost || !cost->given)
        return line_complain(line, "no class stated before:", line->words[1]);
    return line_cycles_32(line, line->words[2], &cost->accumulate);
}

static bool read_caches(const struct line *line, struct core *core)
{
    unsigned on;

    if (!line_whole_unsigned(line, line->words[1], 0, 1, &on))
        return false;
    core->caches = on;
    return true;
}

static bool read_cache(const struct line *line, struct core *core)
{
    struct cache_size *cache = &core->cache[line->words[0][1] - '1'];
    double most_bytes = 1 << 30;

    return line_whole(line, line->words[1], 0, most_bytes, &cache->bytes) &&
           line_whole_unsigned(line, line->words[2], 0, 64, &cache->ways);
}

static bool read_hit(const struct line *line, struct core *core)
{
    return line_cycles(line, line->words[1], &core->hit[line->words[0][1] - '1']);
}

static bool read_line_size(const struct line *line, struct core *core)
{
    return line_whole_unsigned(line, line->words[1], 16, 256, &core->line);
}

static bool read_dram(const struct line *line, struct core *core)
{
    bool read = !strcmp(line->words[0], "dram_read");

    return line_cycles(line, line->words[1], read ? &core->dram_read : &core->dram_write);
}

static bool read_efficiency(const struct line *line, struct core *core)
{
    bool loop = !strcmp(line->words[1], "loop");
    double factor;

    if (!loop && strcmp(line->words[1], "straight"))
        return line_complain(line, "neither loop nor straight: efficiency", line->words[1]);
    if (!line_number(line, line->words[2], 0.1, 10, &factor))
        return false;
    *(loop ? &core->loop_factor : &core->straight_factor) = (uint32_t)(factor * FACTOR_ONE + 0.5);
    return true;
}

static bool read_overlap(const struct line *line, struct core *core)
{
    double share;

    if (!line_number(line, line->words[1], 0, 1, &share))
        return false;
    core->overlap = (uint32_t)(share * FACTOR_ONE + 0.5);
    return true;
}

const struct core_key CORE_KEYS[] = {
    {"version", 2, 2, true, false, read_version},
    {"order", 2, 2, true, false, read_order},
    {"width", 2, 2, true, false, read_width},
    {"window", 2, 2, true, false, read_window},
    {"mispredict", 2, 2, false, false, read_mispredict},
    {"pipe", 3, 3, true, true, read_pipe},
    {"class", 5, MOST_WORDS, true, true, read_class},
    {"accumulate", 3, 3, false, true, read_accumulate},
    {"caches", 2, 2, true, false, read_caches},
    {"l1d", 3, 3, false, false, read_cache},
    {"l2", 3, 3, false, false, read_cache},
    {"l3", 3, 3, false, false, read_cache},
    {"line", 2, 2, false, false, read_line_size},
    {"l2_hit", 2, 2, false, false, read_hit},
    {"l3_hit", 2, 2, false, false, read_hit},
    {"dram_read", 2, 2, false, false, read_dram},
    {"dram_write", 2, 2, false, false, read_dram},
    {"efficiency", 3, 3, false, true, read_efficiency},
    {"overlap", 2, 2, false, false, read_overlap},
};

const int CORE_KEY_COUNT = sizeof CORE_KEYS / sizeof *CORE_KEYS;
