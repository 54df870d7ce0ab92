#include "memory.h"

#include "../counters.h"

#include <stdio.h>
#include <stdlib.h>

enum { DIRTY = 1 };

// Cycles: so far lines are asked for before they are needed, by the window and by prefetchers.
enum { MOST_AHEAD = 1024 };

// No line has this number: addresses have fewer bits.
static const uint64_t EMPTY = UINT64_MAX - DIRTY;

static uint64_t *set_of(const struct level *level, uint64_t line)
{
    return level->tags + (level->mask ? line & level->mask : line % level->sets) * level->ways;
}

// Brings a line to the front of its set. Tells whether it was there, and gives the tag that had to leave.
static bool use(const struct level *level, uint64_t line, bool dirty, uint64_t *left)
{
    uint64_t *set = set_of(level, line), moved = EMPTY, tag;

    for (unsigned i = 0; i < level->ways; i++) {
        tag = set[i];
        set[i] = moved;
        moved = tag;
        if (tag >> 1 == line) {
            set[0] = tag | dirty;
            return true;
        }
    }
    *left = moved;
    set[0] = line << 1 | dirty;
    return false;
}

// The core waits for what is not hidden behind its work since the last time.
static void pay(struct memory *memory, parts cost)
{
    parts hidden = memory->bill->earned() - memory->spent, most = MOST_AHEAD * (parts)COUNTER_CYCLE_PARTS;

    if (hidden > most) {
        memory->spent += hidden - most;
        hidden = most;
    }
    if (hidden > cost)
        hidden = cost;
    memory->spent += hidden;
    *memory->bill->stalled += cost - hidden;
}

static void write_back(struct memory *memory, unsigned number, uint64_t line)
{
    uint64_t left;

    if (number == memory->levels) {
        pay(memory, memory->dram_write);
        ++*memory->bill->lines;
    } else if (!use(&memory->level[number], line, true, &left) && left != EMPTY && left & DIRTY) {
        write_back(memory, number + 1, left >> 1);
    }
}

static void reach(struct memory *memory, unsigned number, uint64_t line, bool store)
{
    uint64_t left;

    if (number == memory->levels) {
        // Lines that are stored are stored whole: cores notice it, and do not read them before.
        if (!store) {
            pay(memory, memory->dram_read);
            ++*memory->bill->lines;
        }
        return;
    }
    if (use(&memory->level[number], line, store && !number, &left)) {
        if (memory->level[number].hit)
            pay(memory, memory->level[number].hit);
        return;
    }
    reach(memory, number + 1, line, store);
    if (left != EMPTY && left & DIRTY)
        write_back(memory, number + 1, left >> 1);
}

void memory_reach(struct memory *memory, uint64_t line, bool store)
{
    reach(memory, 0, line, store);
}

static void level_init(struct level *level, const struct cache_size *size, unsigned line, parts hit)
{
    level->ways = size->ways;
    level->sets = size->bytes / size->ways / line;
    level->mask = level->sets & (level->sets - 1) ? 0 : level->sets - 1;
    level->hit = hit;
    level->tags = malloc(level->sets * level->ways * sizeof *level->tags);
    if (!level->tags) {
        fprintf(stderr, "tflprof counter plugin: no memory for a cache of %llu bytes\n",
                (unsigned long long)size->bytes);
        exit(1);
    }
    for (uint64_t i = 0; i < level->sets * level->ways; i++)
        level->tags[i] = EMPTY;
}

void memory_init(struct memory *memory, const struct core *core, struct bill *bill)
{
    *memory = (struct memory){.dram_read = core->dram_read, .dram_write = core->dram_write};
    memory->bill = bill;
    while (1u << memory->line_shift < core->line)
        memory->line_shift++;
    for (unsigned i = 0; i < CACHE_LEVELS; i++)
        if (core->cache[i].bytes)
            level_init(&memory->level[memory->levels++], &core->cache[i], core->line, core->hit[i]);
}
