// The number of place k is 2pk + (k*k mod p), with a prime p, times 2**15, and a check of 14 bits. Of the
// difference of the places a and b = a + m, the first term gives m. The second, m(2a + m) mod p, then gives a
// (Erdős and Turán, "On a problem of Sidon in additive number theory", 1941). Sums of differences would often
// pass for differences: the check tells them apart.
#include "numbers.h"

enum { PRIME = 262147, CHECK_BITS = 14 };  // the smallest prime above NUMBERS

// Spreads neighbouring places; linear in nothing.
static uint32_t check_of(uint32_t place)
{
    uint32_t mixed = (place + 1) * 0x9e3779b1u;

    mixed ^= mixed >> 15;
    return mixed * 0x85ebca6bu >> (32 - CHECK_BITS);
}

uint64_t number_of(uint32_t place)
{
    uint64_t k = place;

    return ((2 * PRIME * k + k * k % PRIME) << (CHECK_BITS + 1)) + check_of(place);
}

// By Fermat: the power p - 2.
static uint64_t inverse(uint64_t value)
{
    uint64_t result = 1;

    for (uint32_t rest = PRIME - 2; rest; rest >>= 1) {
        if (rest & 1)
            result = result * value % PRIME;
        value = value * value % PRIME;
    }
    return result;
}

bool number_places(uint64_t difference, uint32_t places, uint32_t *low, uint32_t *high)
{
    uint64_t without_check, apart, square, doubled;

    *low = *high = 0;
    if (!difference || difference >= number_of(NUMBERS))
        return !difference;
    without_check = (difference + (1u << CHECK_BITS)) >> (CHECK_BITS + 1);
    apart = (without_check + PRIME) / (2 * PRIME);
    if (!apart)
        return false;
    square = (without_check + PRIME - 2 * PRIME * apart + PRIME) % PRIME;
    doubled = (square * inverse(apart % PRIME) + PRIME - apart % PRIME) % PRIME;
    *low = (uint32_t)(doubled * ((PRIME + 1) / 2) % PRIME);
    *high = *low + (uint32_t)apart;
    return *high < places && number_of(*high) - number_of(*low) == difference;
}
