#include "ports.h"

static ticks later(ticks a, ticks b)
{
    return a > b ? a : b;
}

static ticks port_free(const struct port *port, ticks from, ticks occupancy)
{
    for (unsigned i = 0; i < port->gap_count; i++) {
        ticks start = later(port->gaps[i].from, from);

        if (start + occupancy <= port->gaps[i].to)
            return start;
    }
    return later(port->end, from);
}

static void add_gap(struct port *port, unsigned at, struct gap gap)
{
    if (gap.from == gap.to)
        return;
    if (port->gap_count == MOST_GAPS) {
        if (!at)
            return;
        // The oldest is the one least likely to be asked for.
        for (unsigned i = 1; i < MOST_GAPS; i++)
            port->gaps[i - 1] = port->gaps[i];
        port->gap_count--;
        at--;
    }
    for (unsigned i = port->gap_count; i > at; i--)
        port->gaps[i] = port->gaps[i - 1];
    port->gaps[at] = gap;
    port->gap_count++;
}

static void port_book(struct port *port, ticks start, ticks occupancy)
{
    struct gap hit;

    if (start >= port->end) {
        add_gap(port, port->gap_count, (struct gap){port->end, start});
        port->end = start + occupancy;
        return;
    }
    for (unsigned i = 0; i < port->gap_count; i++) {
        if (start < port->gaps[i].from || start >= port->gaps[i].to)
            continue;
        hit = port->gaps[i];
        for (unsigned k = i + 1; k < port->gap_count; k++)
            port->gaps[k - 1] = port->gaps[k];
        port->gap_count--;
        add_gap(port, i, (struct gap){start + occupancy, hit.to});
        add_gap(port, i, (struct gap){hit.from, start});
        return;
    }
}

// The pipe of a kind that is free first, but for those taken already; tells when.
static unsigned choose(const struct ports *ports, const struct core *core, const struct pipe_use *use,
                       unsigned times, unsigned taken, ticks *from)
{
    unsigned best = MOST_PIPE_COUNT;
    ticks earliest = 0;

    for (unsigned i = 0; i < core->pipes[use->pipe]; i++) {
        ticks start;

        if (taken >> i & 1)
            continue;
        start = port_free(&ports->of[use->pipe][i], *from, (ticks)use->occupancy * times * TICKS_PER_PART);
        if (best == MOST_PIPE_COUNT || start < earliest) {
            best = i;
            earliest = start;
        }
    }
    *from = earliest;
    return best;
}

// Chooses a pipe for each use; all are free from the returned time on.
static ticks choose_all(const struct ports *ports, const struct core *core, const struct class_cost *cost,
                        unsigned times, ticks from, unsigned chosen[])
{
    ticks start = from, before;

    do {
        unsigned taken[MOST_PIPES] = {0};

        before = start;
        for (unsigned i = 0; i < cost->use_count; i++) {
            const struct pipe_use *use = &cost->uses[i];
            ticks at = before;

            chosen[i] = choose(ports, core, use, times, taken[use->pipe], &at);
            taken[use->pipe] |= 1u << chosen[i];
            start = later(start, at);
        }
    } while (start != before);
    return start;
}

ticks ports_free(const struct ports *ports, const struct core *core, const struct class_cost *cost,
                 unsigned times, ticks from)
{
    unsigned chosen[MOST_USES];

    return choose_all(ports, core, cost, times, from, chosen);
}

ticks ports_book(struct ports *ports, const struct core *core, const struct class_cost *cost, unsigned times,
                 ticks from)
{
    unsigned chosen[MOST_USES];
    ticks start = choose_all(ports, core, cost, times, from, chosen);

    for (unsigned i = 0; i < cost->use_count; i++)
        port_book(&ports->of[cost->uses[i].pipe][chosen[i]], start,
                  (ticks)cost->uses[i].occupancy * times * TICKS_PER_PART);
    return start;
}
