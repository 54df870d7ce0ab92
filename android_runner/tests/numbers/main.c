// Takes the numbers of places apart again: `numbers SEED TRIALS` prints what went wrong, and ends with 1 then.
#include "../../numbers.h"

#include <stdio.h>
#include <stdlib.h>

static uint64_t state;
static int wrong;

// splitmix64
static uint32_t draw(uint32_t below)
{
    uint64_t mixed = state += 0x9e3779b97f4a7c15u;

    mixed = (mixed ^ mixed >> 30) * 0xbf58476d1ce4e5b9u;
    mixed = (mixed ^ mixed >> 27) * 0x94d049bb133111ebu;
    return (uint32_t)((mixed ^ mixed >> 31) % below);
}

static void check_pair(uint32_t a, uint32_t b, uint32_t places)
{
    uint32_t low = 1, high = 2;
    uint64_t difference = number_of(b) - number_of(a);

    if (number_places(difference, places, &low, &high) && (low == a && high == b))
        return;
    printf("%u and %u came back as %u and %u\n", a, b, low, high);
    wrong = 1;
}

static void check_all(uint32_t places)
{
    for (uint32_t a = 0; a < places; a++)
        for (uint32_t b = a + 1; b < places; b++)
            check_pair(a, b, places);
}

static void check_drawn(int trials)
{
    for (int i = 0; i < trials; i++) {
        uint32_t a = draw(NUMBERS), b = draw(NUMBERS);

        if (a != b)
            check_pair(a < b ? a : b, a < b ? b : a, NUMBERS);
    }
}

// Two places that have not been taken, nothing, and the largest numbers.
static void check_edges(void)
{
    uint32_t low = 7, high = 7;
    uint64_t beyond = number_of(20) - number_of(3);

    wrong |= number_places(beyond, 20, &low, &high) || !number_places(beyond, 21, &low, &high);
    wrong |= !number_places(0, 1, &low, &high) || low != high;
    for (uint64_t d = 1; d < 100000; d++)
        wrong |= number_places(d, NUMBERS, &low, &high);
    wrong |= number_places(UINT64_MAX, NUMBERS, &low, &high) || number_of(NUMBERS) >= UINT64_C(1) << 53;
    for (uint32_t place = 1; place <= NUMBERS; place++)
        wrong |= number_of(place) <= number_of(place - 1);
    if (wrong)
        printf("an edge\n");
}

// Sums of two differences that do not meet are no difference, but for few.
static void check_sums(int trials)
{
    int passed = 0;

    for (int i = 0; i < trials; i++) {
        uint32_t low, high, a = draw(1000), b = a + 1 + draw(20), c = b + 1 + draw(1000), d = c + 1 + draw(20);

        passed += number_places(number_of(b) - number_of(a) + number_of(d) - number_of(c), 4000, &low, &high);
    }
    if (passed * 2000 > trials) {
        printf("%d of %d sums passed for differences\n", passed, trials);
        wrong = 1;
    }
}

int main(int argc, char **argv)
{
    int trials = argc == 3 ? atoi(argv[2]) : 0;

    state = argc == 3 ? strtoull(argv[1], NULL, 10) : 0;
    check_all(300);
    check_drawn(trials);
    check_edges();
    check_sums(trials);
    return wrong || !trials;
}
