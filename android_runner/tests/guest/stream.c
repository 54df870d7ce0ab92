// Runs under the emulator: prints what passes over a buffer cost: instructions, parts of cycles, lines of
// memory. Once through before, so that what a cache can hold is in it.
//
//     stream PAGE PASSES BYTES
#include "../../counters.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

struct counts {
    uint64_t of[COUNTERS];
};

static struct counts count(const volatile uint64_t *page)
{
    struct counts now;

    __asm__ volatile("hint %0" : : "i"(COUNTER_HINT) : "memory");
    for (int i = 0; i < COUNTERS; i++)
        now.of[i] = page[i];
    return now;
}

// Each round loads 64 bytes in two neighbouring accesses.
static void pass(const char *from, uint64_t bytes)
{
    const char *end = from + bytes;

    __asm__ volatile("1: ldp q0, q1, [%0], #32\n\t"
                     "ldp q2, q3, [%0], #32\n\t"
                     "cmp %0, %1\n\t"
                     "b.lo 1b"
                     : "+r"(from)
                     : "r"(end)
                     : "v0", "v1", "v2", "v3", "cc", "memory");
}

int main(int argc, char **argv)
{
    int file = argc == 4 ? open(argv[1], O_RDONLY) : -1;
    const volatile uint64_t *page = mmap(NULL, COUNTER_PAGE_BYTES, PROT_READ, MAP_SHARED, file, 0);
    uint64_t passes = argc == 4 ? strtoull(argv[2], NULL, 10) : 0;
    uint64_t bytes = argc == 4 ? strtoull(argv[3], NULL, 10) : 0;
    char *buffer = mmap(NULL, bytes ? bytes : 1, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (page == MAP_FAILED || buffer == MAP_FAILED || !passes || bytes % 64)
        return 2;
    pass(buffer, bytes);
    struct counts before = count(page);
    for (uint64_t i = 0; i < passes; i++)
        pass(buffer, bytes);
    struct counts after = count(page);
    for (int i = 0; i < COUNTERS; i++)
        printf("%llu ", (unsigned long long)(after.of[i] - before.of[i]));
    printf("\n");
    return 0;
}
