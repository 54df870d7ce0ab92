// Numbers in the place of times: the difference of two tells which two they are.
#pragma once

#include <stdbool.h>
#include <stdint.h>

// Numbers stay below 2**53, since libraries calculate some times in doubles.
enum { NUMBERS = 1 << 18 };

// The number of a place, which is below NUMBERS. They grow with the places.
uint64_t number_of(uint32_t place);

// The two places, the lower one first, whose numbers differ so; false if there are none below `places`.
// A difference of 0 is that of any place with itself.
bool number_places(uint64_t difference, uint32_t places, uint32_t *low, uint32_t *high);
