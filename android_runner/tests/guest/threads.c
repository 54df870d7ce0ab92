// Runs under the emulator: prints what the counter page says four loops of N rounds cost, each in a
// thread of its own.
//
//     threads PAGE N
#include "../../counters.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

enum { THREADS = 4 };

static uint64_t count(const volatile uint64_t *page)
{
    __asm__ volatile("hint %0" : : "i"(COUNTER_HINT) : "memory");
    return page[COUNTER_INSTRUCTIONS];
}

static void *loop(void *given)
{
    uint64_t rounds = *(uint64_t *)given;

    __asm__ volatile("1: subs %0, %0, #1\n\tb.ne 1b" : "+r"(rounds) : : "cc");
    return NULL;
}

int main(int argc, char **argv)
{
    int file = argc == 3 ? open(argv[1], O_RDONLY) : -1;
    const volatile uint64_t *page = mmap(NULL, COUNTER_PAGE_BYTES, PROT_READ, MAP_SHARED, file, 0);
    uint64_t rounds = argc == 3 ? strtoull(argv[2], NULL, 10) : 0;
    pthread_t threads[THREADS];

    if (page == MAP_FAILED || !rounds)
        return 2;
    uint64_t before = count(page);
    for (int i = 0; i < THREADS; i++)
        if (pthread_create(&threads[i], NULL, loop, &rounds))
            return 3;
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    printf("%llu\n", (unsigned long long)(count(page) - before));
    return 0;
}
