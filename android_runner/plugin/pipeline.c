#include "pipeline.h"

#include "../counters.h"
#include "ports.h"

#include <string.h>

enum { ROUNDS_MEASURED = 8, ROUNDS_SETTLING = 3 };

static const ticks CYCLE = COUNTER_CYCLE_PARTS * TICKS_PER_PART;

// The state of a core between two instructions.
struct pipeline {
    const struct core *core;
    struct ports ports;
    ticks ready[REGISTERS];   // when a register's value is there
    ticks issued[REGISTERS];  // when what wrote it began
    uint8_t writer[REGISTERS];
    ticks issue;              // in order: the cycle of the latest instruction; else when the next is dispatched
    ticks slots;              // in order: how many are taken in that cycle
    ticks retired[MOST_WINDOW];
    ticks last_retired;
    size_t done;
};

static ticks later(ticks a, ticks b)
{
    return a > b ? a : b;
}

static ticks up_to_cycle(ticks time)
{
    return (time + CYCLE - 1) / CYCLE * CYCLE;
}

static ticks operands_ready(const struct pipeline *now, const struct operation *is)
{
    const struct class_cost *cost = &now->core->classes[is->class];
    ticks ready = 0;

    for (unsigned i = 0; i < is->source_count; i++)
        ready = later(ready, now->ready[is->sources[i]]);
    if (is->accumulator == NO_REGISTER)
        return ready;
    if (now->writer[is->accumulator] == is->class)
        return later(ready, now->issued[is->accumulator] + (ticks)cost->accumulate * TICKS_PER_PART);
    return later(ready, now->ready[is->accumulator]);
}

static void write_results(struct pipeline *now, const struct operation *is, ticks start)
{
    ticks done = start + (ticks)now->core->classes[is->class].latency * TICKS_PER_PART;

    for (unsigned i = 0; i < is->result_count; i++) {
        unsigned result = is->results[i];

        now->ready[result] = done;
        now->issued[result] = start;
        now->writer[result] = is->class;
    }
    if (is->updated != NO_REGISTER) {
        now->ready[is->updated] = start + CYCLE;
        now->writer[is->updated] = CLASSES;
    }
}

// Instructions begin in the order of the program, as many in a cycle as there are slots.
static void step_in_order(struct pipeline *now, const struct operation *is)
{
    const struct class_cost *cost = &now->core->classes[is->class];
    ticks width = now->core->width * CYCLE, slots = (ticks)cost->slots * is->times * TICKS_PER_PART;
    ticks start = up_to_cycle(later(operands_ready(now, is), now->issue)), before;

    do {
        before = start;
        if (start == now->issue && now->slots && now->slots + (slots < width ? slots : width) > width)
            start += CYCLE;
        start = up_to_cycle(ports_free(&now->ports, now->core, cost, is->times, start));
    } while (start != before);
    ports_book(&now->ports, now->core, cost, is->times, start);
    write_results(now, is, start);
    if (start != now->issue)
        now->slots = 0;
    now->slots += slots;
    now->issue = start + now->slots / width * CYCLE;
    now->slots %= width;
}

// Instructions are dispatched in order, begin when they can, and leave the window in order.
static void step_out_of_order(struct pipeline *now, const struct operation *is)
{
    const struct core *core = now->core;
    const struct class_cost *cost = &core->classes[is->class];
    ticks *leaves = &now->retired[now->done % core->window], start, done;

    now->issue = later(now->issue, *leaves);
    start = ports_book(&now->ports, core, cost, is->times, later(operands_ready(now, is), now->issue));
    write_results(now, is, start);
    now->issue += (ticks)cost->slots * is->times * TICKS_PER_PART / core->width;
    done = start + (ticks)cost->latency * TICKS_PER_PART;
    now->last_retired = *leaves = later(now->last_retired, done);
    now->done++;
}

static ticks run(struct pipeline *now, const struct operation operations[], size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (now->core->in_order)
            step_in_order(now, &operations[i]);
        else
            step_out_of_order(now, &operations[i]);
    return now->core->in_order ? now->issue + now->slots / now->core->width : now->last_retired;
}

// Rounds settle first: for a window that looks ahead, as long as it takes to fill it twice.
ticks pipeline_round(const struct core *core, const struct operation operations[], size_t count)
{
    static struct pipeline now;
    size_t settling = ROUNDS_SETTLING + 2 * core->window / count;
    ticks begin = 0, end = 0;

    memset(&now, 0, sizeof now);
    now.core = core;
    for (size_t i = 0; i < settling; i++)
        begin = run(&now, operations, count);
    for (size_t i = 0; i < ROUNDS_MEASURED; i++)
        end = run(&now, operations, count);
    return (end - begin + ROUNDS_MEASURED / 2) / ROUNDS_MEASURED;
}

ticks pipeline_longest_path(const struct core *core, const struct operation operations[], size_t count)
{
    static struct pipeline now;
    ticks longest = 0;

    memset(&now, 0, sizeof now);
    now.core = core;
    for (size_t i = 0; i < count; i++) {
        ticks start = operands_ready(&now, &operations[i]);

        write_results(&now, &operations[i], start);
        longest = later(longest, start + (ticks)core->classes[operations[i].class].latency * TICKS_PER_PART);
    }
    return longest;
}

ticks pipeline_once(const struct core *core, const struct operation operations[], size_t count)
{
    static struct pipeline now;

    memset(&now, 0, sizeof now);
    now.core = core;
    return run(&now, operations, count);
}
