#include "readings.h"

#include "buffer.h"
#include "numbers.h"

#include <stddef.h>

struct reading {
    uint64_t counts[COUNTERS];
};

static const volatile uint64_t *page;
static struct buffer readings;
static uint32_t taken;

void readings_open(const volatile uint64_t *counters)
{
    page = counters;
    buffer_reserve(&readings, (NUMBERS + 1) * sizeof(struct reading));
}

void readings_restart(void)
{
    taken = 0;
}

// Nothing branches between the loads: they are of one moment.
uint64_t readings_take(void)
{
    uint32_t place = taken;
    struct reading *reading = (struct reading *)readings.data + place;

    readings_announce();
    reading->counts[COUNTER_INSTRUCTIONS] = page[COUNTER_INSTRUCTIONS];
    reading->counts[COUNTER_CYCLES] = page[COUNTER_CYCLES] / COUNTER_CYCLE_PARTS;
    reading->counts[COUNTER_DRAM_LINES] = page[COUNTER_DRAM_LINES];
    taken += place < NUMBERS;
    return number_of(place);
}

const char *readings_between(uint64_t difference, uint64_t counts[COUNTERS])
{
    const struct reading *list = (const struct reading *)readings.data;
    uint32_t low, high;

    if (taken == NUMBERS)
        return "is of a run that read the clock 262144 times, which is too often for several counters at once";
    if (!number_places(difference, taken, &low, &high))
        return "is no difference of two readings of the clock";
    for (int counter = 0; counter < COUNTERS; counter++)
        counts[counter] = list[high].counts[counter] - list[low].counts[counter];
    return NULL;
}
