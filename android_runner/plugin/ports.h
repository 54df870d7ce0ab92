// The pipes of a core in the course of time: when each is free, also between what was already booked.
#pragma once

#include "core_file.h"

// Times within a simulation: parts of a cycle, cut so that whole issue widths divide them.
typedef uint64_t ticks;

enum { TICKS_PER_PART = 60, MOST_GAPS = 8 };

struct port {
    ticks end;  // nothing is booked from here on
    unsigned gap_count;
    struct gap {
        ticks from, to;
    } gaps[MOST_GAPS];  // the latest ones before the end, in order
};

struct ports {
    struct port of[MOST_PIPES][MOST_PIPE_COUNT];
};

// Books what an instruction of the class, for `times` registers, needs; at the earliest time from
// `from` on at which all of it is free, which is returned.
ticks ports_book(struct ports *ports, const struct core *core, const struct class_cost *cost, unsigned times,
                 ticks from);

// The same time, without booking.
ticks ports_free(const struct ports *ports, const struct core *core, const struct class_cost *cost,
                 unsigned times, ticks from);
