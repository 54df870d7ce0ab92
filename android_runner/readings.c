#include "readings.h"

#include "buffer.h"
#include "numbers.h"

#include <string.h>

struct reading {
    uint64_t counts[COUNTERS];  // as on the page
    uint64_t of_library;        // readings of the library before it
};

static const volatile uint64_t *page;
static struct buffer readings;
static uint32_t taken;
static uint64_t taken_by_library;
static uint64_t surplus_of_library[COUNTERS], surplus_of_ours[COUNTERS];

void readings_open(const volatile uint64_t *counters)
{
    page = counters;
    buffer_reserve(&readings, (NUMBERS + 1) * sizeof(struct reading));
}

void readings_restart(void)
{
    taken = 0;
    taken_by_library = 0;
}

// Nothing branches between the loads: they are of one moment.
uint64_t readings_take(bool of_library)
{
    uint32_t place = taken;
    struct reading *reading = (struct reading *)readings.data + place;

    readings_announce();
    reading->counts[COUNTER_INSTRUCTIONS] = page[COUNTER_INSTRUCTIONS];
    reading->counts[COUNTER_CYCLES] = page[COUNTER_CYCLES];
    reading->counts[COUNTER_DRAM_LINES] = page[COUNTER_DRAM_LINES];
    reading->of_library = taken_by_library;
    taken_by_library += of_library;
    taken += place < NUMBERS;
    return number_of(place);
}

void readings_surplus(bool of_library, const uint64_t surplus[COUNTERS])
{
    memcpy(of_library ? surplus_of_library : surplus_of_ours, surplus, sizeof surplus_of_ours);
}

// What the counter had counted since the first reading, without what its readings cost too much. Whole units are
// cut from this and not from differences, so that parts of an interval add up to it; and not from the page, so
// that they do not depend on what ran before.
static int64_t counted(uint32_t place, enum counter counter)
{
    const struct reading *first = (const struct reading *)readings.data, *reading = first + place;
    uint64_t of_library = reading->of_library, ours = place - of_library;
    int64_t count = (int64_t)(reading->counts[counter] - first->counts[counter] -
                              of_library * surplus_of_library[counter] - ours * surplus_of_ours[counter]);

    return counter == COUNTER_CYCLES ? count / COUNTER_CYCLE_PARTS : count;
}

const char *readings_between(uint64_t difference, uint64_t counts[COUNTERS])
{
    uint32_t low, high;

    if (taken == NUMBERS)
        return "is of a run that read the clock 262144 times, which is too often for several counters at once";
    if (!number_places(difference, taken, &low, &high))
        return "is no difference of two readings of the clock";
    for (enum counter counter = 0; counter < COUNTERS; counter++)
        counts[counter] = (uint64_t)(counted(high, counter) - counted(low, counter));
    return NULL;
}
