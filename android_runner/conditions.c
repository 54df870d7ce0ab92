#include "conditions.h"

#include "clock.h"
#include "records.h"

enum { ADDITIONS = 64, ROUNDS = 800, ATTEMPTS = 4, ABSURD_MILLICELSIUS = 200000, MAX_THREADS = 256 };

// Below zero: unknown.
struct conditions {
    int64_t khz;           // the system's word
    int64_t millicelsius;  // of the hottest zone
    int64_t chain_khz;     // measured with a chain of dependent additions
};

static const struct options *told;
static struct conditions before, after;
static struct thread_core workers[MAX_THREADS];
static int worker_count;

void conditions_init(const struct options *options)
{
    told = options;
}

// One addition of registers takes a cycle on every core, and each waits for the one before.
static void add_in_chain(void)
{
    uintptr_t sum = 0, one = 1;

    for (int i = 0; i < ROUNDS; i++) {
#if defined(__x86_64__)
        __asm__ volatile(".rept 64\n\tadd %1, %0\n\t.endr" : "+r"(sum) : "r"(one) : "cc");
#elif defined(__aarch64__) || defined(__arm__)
        __asm__ volatile(".rept 64\n\tadd %0, %0, %1\n\t.endr" : "+r"(sum) : "r"(one));
#else
#error "no chain of additions for this processor"
#endif
    }
}

// The fastest of a few: an interruption only makes it look slower.
static int64_t chain_khz(void)
{
    uint64_t best = UINT64_MAX;

    for (int i = 0; i < ATTEMPTS; i++) {
        uint64_t start = clock_now(), spent;

        add_in_chain();
        spent = clock_now() - start;
        if (spent < best)
            best = spent;
    }
    return best ? (int64_t)((uint64_t)ADDITIONS * ROUNDS * 1000000 / best) : -1;
}

static int64_t hottest(void)
{
    int64_t highest = -1;

    for (int i = 0; i < told->thermal_count; i++) {
        const struct thermal_zone *zone = &told->thermal[i];
        int64_t heat = platform_read_integer(zone->path);

        // Sensors that are off say absurd things.
        if (heat >= 0 && heat < ABSURD_MILLICELSIUS / zone->unit && heat * zone->unit > highest)
            highest = heat * zone->unit;
    }
    return highest;
}

static struct conditions look(int core)
{
    struct conditions now = {-1, -1, -1};

    // Of the emulated core nothing is known, and the host's is none of our business.
    if (clock_counts())
        return now;
    if (told->chain)
        now.chain_khz = chain_khz();
    now.khz = platform_cpu_khz(core);
    now.millicelsius = hottest();
    return now;
}

void conditions_before(int core)
{
    before = look(core);
}

void conditions_after(int core)
{
    after = look(core);
    worker_count = told->workers && !clock_counts() ? platform_threads(workers, MAX_THREADS) : 0;
}

static void write_workers(void)
{
    record_list_begin("workers");
    for (int i = 0; i < worker_count; i++) {
        record_list_begin(NULL);
        record_integer(NULL, workers[i].thread);
        record_integer(NULL, workers[i].core);
        record_list_end();
    }
    record_list_end();
}

void conditions_write(void)
{
    record_known("khz", after.khz);
    record_known("khz_before", before.khz);
    record_known("mc", after.millicelsius);
    record_known("mc_before", before.millicelsius);
    record_known("chain_khz", after.chain_khz);
    record_known("chain_khz_before", before.chain_khz);
    if (worker_count)
        write_workers();
}
