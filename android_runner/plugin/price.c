#include "price.h"

#include "pipeline.h"

// What a stretch of operations takes of each of a core's resources.
struct load {
    ticks front;             // places
    ticks pipes[MOST_PIPES]; // each kind's, divided among them
};

// Higher roots would not fit.
static const ticks MOST_TICKS = (ticks)1 << 31;

static ticks later(ticks a, ticks b)
{
    return a > b ? a : b;
}

static struct load load_of(const struct core *core, const struct operation operations[], size_t count)
{
    struct load load = {0};

    for (size_t i = 0; i < count; i++) {
        const struct class_cost *cost = &core->classes[operations[i].class];

        load.front += (ticks)cost->slots * operations[i].times * TICKS_PER_PART;
        for (unsigned k = 0; k < cost->use_count; k++)
            load.pipes[cost->uses[k].pipe] +=
                (ticks)cost->uses[k].occupancy * operations[i].times * TICKS_PER_PART;
    }
    load.front /= core->width;
    for (unsigned i = 0; i < core->pipe_count; i++)
        load.pipes[i] /= core->pipes[i];
    return load;
}

static ticks scarcest(const struct core *core, const struct load *load)
{
    ticks most = load->front;

    for (unsigned i = 0; i < core->pipe_count; i++)
        most = later(most, load->pipes[i]);
    return most;
}

static unsigned __int128 fourth_power(ticks time)
{
    unsigned __int128 square = (unsigned __int128)time * time;

    return square * square;
}

// In integers, for the same result on every machine.
static ticks fourth_root(unsigned __int128 power)
{
    ticks root = 0;

    for (ticks bit = (ticks)1 << 31; bit; bit >>= 1)
        if (fourth_power(root | bit) <= power)
            root |= bit;
    return root;
}

// Resources that are nearly as scarce as the scarcest get in each other's way: the fourth root of the
// sum of fourth powers.
static ticks contended(const struct core *core, const struct load *load)
{
    unsigned __int128 sum = fourth_power(load->front);

    if (scarcest(core, load) >= MOST_TICKS)
        return scarcest(core, load);
    for (unsigned i = 0; i < core->pipe_count; i++)
        sum += fourth_power(load->pipes[i]);
    return fourth_root(sum);
}

static parts scaled(ticks time, uint32_t factor)
{
    ticks unit = (ticks)TICKS_PER_PART * FACTOR_ONE;

    return (time * factor + unit / 2) / unit;
}

// Lines come in behind what the pipes for loads are not needed for.
static parts overlap_of(const struct core *core, const struct load *load, ticks time)
{
    const struct class_cost *cost = &core->classes[CLASS_load];
    ticks loading = cost->use_count ? load->pipes[cost->uses[0].pipe] : 0;

    return time > loading ? scaled(time - loading, core->overlap) : 0;
}

static struct price price_of(const struct core *core, const struct load *load, ticks least, uint32_t efficiency)
{
    ticks time = core->in_order ? least : later(contended(core, load), least);
    ticks bound = core->in_order ? least : later(scarcest(core, load), least);

    return (struct price){scaled(time, efficiency), overlap_of(core, load, bound)};
}

// Out of order, a block overlaps with its neighbours: it costs what it takes of the core's resources,
// or its chain's share of a window full of blocks like it.
static struct price straight_price(const struct core *core, const struct operation operations[], size_t count)
{
    struct load load = load_of(core, operations, count);
    ticks least;

    if (core->in_order)
        least = pipeline_once(core, operations, count);
    else
        least = pipeline_longest_path(core, operations, count) * count / core->window;
    return price_of(core, &load, least, core->straight_factor);
}

static struct price loop_price(const struct core *core, const struct operation operations[], size_t count)
{
    struct load load = load_of(core, operations, count);

    return price_of(core, &load, pipeline_round(core, operations, count), core->loop_factor);
}

static struct price sum(struct price a, struct price b)
{
    return (struct price){a.cycles + b.cycles, a.overlap + b.overlap};
}

static struct price difference(struct price a, struct price b)
{
    return (struct price){a.cycles - b.cycles, a.overlap - b.overlap};
}

int loop_top(const struct operation operations[], size_t count)
{
    const struct operation *last = &operations[count - 1];
    int64_t top = (int64_t)count - 1 + last->jump / 4;

    return last->branches && last->jump <= 0 && top >= 0 ? (int)top : NO_LOOP;
}

struct price block_price(const struct core *core, const struct operation operations[], size_t count)
{
    int top = loop_top(operations, count);

    if (top == NO_LOOP)
        return straight_price(core, operations, count);
    // The first round of a loop entered from above counts as one of many, too.
    return sum(straight_price(core, operations, (size_t)top),
               loop_price(core, operations + top, count - (size_t)top));
}

struct price block_rest_price(const struct core *core, const struct operation operations[], size_t count,
                              size_t begun)
{
    int top = loop_top(operations, count);

    if (top != NO_LOOP && (size_t)top < begun)
        return difference(loop_price(core, operations + top, count - (size_t)top),
                          straight_price(core, operations + top, begun - (size_t)top));
    return difference(straight_price(core, operations, count), straight_price(core, operations, begun));
}
