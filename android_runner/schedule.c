#include "schedule.h"

#include "block.h"
#include "clock.h"
#include "inputs.h"
#include "signals.h"

static const uint64_t ns_per_ms = 1000000;

// Inferences of a block that are recorded, and those that run before them, by model and variant.
static int64_t recorded[MAX_MODELS][VARIANTS], unrecorded[MAX_MODELS][VARIANTS];

static int64_t clamp(int64_t value, int64_t least, int64_t most)
{
    return value < least ? least : value > most ? most : value;
}

// Most recorded inferences of a block.
static int64_t most_of(enum variant variant, const struct options *options)
{
    return variant == PROFILED && options->profiled_max ? options->profiled_max : options->block_max;
}

// Runs a block of `ns` nanoseconds, or until enough are recorded; returns the nanoseconds it took.
static uint64_t warm_block(struct model *model, enum variant variant, const struct options *options,
                           uint64_t ns, int64_t *count)
{
    uint64_t start = clock_now(), spent = 0;
    int64_t most = most_of(variant, options);

    *count = 0;
    block_begin(model, variant);
    do {
        if (*count < most)
            block_infer();
        else
            block_infer_unrecorded();
        ++*count;
        spent = clock_now() - start;
    } while (spent < ns && (options->fill || *count < most) && !stop_signalled());
    block_write(WARMUP, 0, 0, block_count());
    return spent;
}

// By the speed of the last block of the warm-up, the warmest.
static void size_blocks(int m, enum variant variant, const struct options *options, int64_t wanted)
{
    int64_t most = most_of(variant, options);

    recorded[m][variant] = clamp(wanted, options->block_min < most ? options->block_min : most, most);
    unrecorded[m][variant] = options->discard;
    if (options->fill && wanted > most)
        unrecorded[m][variant] += wanted - most;
}

static void warm_up(struct model *model, enum variant variant, const struct options *options)
{
    uint64_t wanted = (uint64_t)options->warmup_ms * ns_per_ms, spent = 0, latest = 0;
    uint64_t block = (uint64_t)options->block_ms * ns_per_ms;
    int64_t done = 0, count = 0;

    while ((spent < wanted || done < options->warmup_min) && !stop_requested()) {
        latest = warm_block(model, variant, options, block, &count);
        spent += latest;
        done += count;
    }
    size_blocks(model->index, variant, options, latest ? (int64_t)(block * (uint64_t)count / latest) : 0);
}

static void steady_block(struct model *model, enum variant variant, int64_t round)
{
    block_begin(model, variant);
    for (int64_t i = 0; i < unrecorded[model->index][variant] && !stop_signalled(); i++)
        block_infer_unrecorded();
    while ((int64_t)block_count() < recorded[model->index][variant] && !stop_signalled())
        block_infer();
    block_write(STEADY, round, 0, block_count());
}

// After so many plain rounds comes a profiled one.
static enum variant variant_of(int64_t round, const struct options *options)
{
    if (!options->variants[PLAIN])
        return PROFILED;
    if (!options->variants[PROFILED])
        return PLAIN;
    return round % (options->profiled_every + 1) == options->profiled_every ? PROFILED : PLAIN;
}

static void run_round(struct model *models, int64_t round, uint64_t *random, const struct options *options)
{
    enum variant variant = variant_of(round, options);
    int first = options->model_count == 2 && splitmix64(random) & 1;

    for (int i = 0; i < options->model_count && !stop_requested(); i++)
        steady_block(&models[first ^ i], variant, round);
}

void schedule_time(struct model *models, const struct options *options)
{
    uint64_t random = (uint64_t)options->seed, wanted = (uint64_t)(options->seconds * 1e9);
    bool alternate = options->variants[PLAIN] && options->variants[PROFILED];
    int64_t least = alternate ? options->profiled_every + 1 : 1;  // one round of each variant
    uint64_t start;

    for (int m = 0; m < options->model_count; m++)
        for (int v = 0; v < VARIANTS; v++)
            if (options->variants[v])
                warm_up(&models[m], v, options);
    start = clock_now();
    for (int64_t round = 0; !stop_requested(); round++) {
        if (round >= least && clock_now() - start >= wanted)
            break;
        if (options->blocks && round >= options->blocks)
            break;
        run_round(models, round, &random, options);
    }
}

// Everything is written after the pass, so that what happens between inferences is always the same.
static void count_pass(struct model *model, enum variant variant, const struct options *options)
{
    size_t steady;

    block_begin(model, variant);
    do
        block_infer();
    while (!block_settled(0) && (int64_t)block_count() < options->max_inferences && !stop_requested());
    steady = block_settled(0) ? block_count() - 2 : block_count();
    for (size_t i = 0; i < block_count(); i++)
        block_write(i < steady ? WARMUP : STEADY, 0, i, 1);
}

void schedule_count(struct model *models, const struct options *options)
{
    for (int m = 0; m < options->model_count; m++)
        for (int v = 0; v < VARIANTS; v++)
            if (options->variants[v] && !stop_requested())
                count_pass(&models[m], v, options);
}

void schedule_few(const struct options *options)
{
    size_t before = block_count(), steady;

    do
        block_infer();
    while (!block_settled(options->agree_ppm) &&
           (int64_t)(block_count() - before) < options->max_inferences && !stop_requested());
    steady = block_settled(options->agree_ppm) ? block_count() - 1 : block_count();
    for (size_t i = before; i < block_count(); i++)
        block_write(i < steady ? WARMUP : STEADY, 0, i, 1);
}
