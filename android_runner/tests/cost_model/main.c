// The parts of the cost model by themselves, for tests.
//
//     cost_model classes                   the names of all classes
//     cost_model decode WORD...            what each instruction was taken for
//     cost_model tally                     from standard input, words: how many of each class
//     cost_model core FILE                 reads a core file
//     cost_model price FILE                from standard input, blocks `BEGUN WORD...`: the parts of cycles of each,
//                                          and those behind which lines come in; but for those of its first
//                                          BEGUN instructions, if they are a block
//     cost_model runs LINE WORD...         the access runs of a block
//     cost_model caches FILE               from standard input, lines `r|w ADDRESS`: parts of cycles, lines of memory;
//                                          `e PARTS`: work is done behind which lines may come in
#include "../../plugin/memory.h"
#include "../../plugin/price.h"
#include "../../plugin/runs.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 1024 };

static struct operation operations[MOST];

static size_t decode_all(char **words, int count)
{
    for (int i = 0; i < count; i++)
        operations[i] = decode_operation((uint32_t)strtoul(words[i], NULL, 16));
    return (size_t)count;
}

static void print_register(unsigned number)
{
    if (number < REGISTER_SP)
        printf(" x%u", number);
    else if (number == REGISTER_SP)
        printf(" sp");
    else if (number == REGISTER_FLAGS)
        printf(" flags");
    else
        printf(" v%u", number - REGISTER_SIMD);
}

static void print_registers(const char *name, const uint8_t numbers[], unsigned count)
{
    printf(count ? " %s" : "", name);
    for (unsigned i = 0; i < count; i++)
        print_register(numbers[i]);
}

static void print_operation(const struct operation *is)
{
    printf("%s", operation_class_name(is->class));
    if (is->times != 1)
        printf(" times %d", is->times);
    print_registers("reads", is->sources, is->source_count);
    print_registers("adds to", &is->accumulator, is->accumulator != NO_REGISTER);
    print_registers("writes", is->results, is->result_count);
    print_registers("moves", &is->updated, is->updated != NO_REGISTER);
    if (is->updated != NO_REGISTER)
        printf(" by %d", is->update);
    if (is->access.kind)
        printf(" %s %d", is->access.kind == ACCESS_LOAD ? "load" : "store", is->access.bytes);
    if (is->access.kind && is->access.known)
        printf(" at %d", is->access.displacement);
    if (is->branches)
        printf(" jumps %d", is->jump);
    printf("\n");
}

static int tally(void)
{
    uint64_t counts[CLASSES] = {0};
    char text[64];

    while (fgets(text, sizeof text, stdin))
        counts[decode_operation((uint32_t)strtoul(text, NULL, 16)).class]++;
    for (unsigned i = 0; i < CLASSES; i++)
        printf("%s %" PRIu64 "\n", operation_class_name(i), counts[i]);
    return 0;
}

static uint64_t earned_so_far;

static uint64_t earned(void)
{
    return earned_so_far;
}

static int caches(const struct core *core)
{
    uint64_t stalled = 0, lines = 0, number;
    struct bill bill = {&stalled, &lines, earned};
    static struct memory memory;
    char kind;

    memory_init(&memory, core, &bill);
    while (scanf(" %c %" SCNu64, &kind, &number) == 2) {
        if (kind == 'e')
            earned_so_far += number;
        else
            memory_touch(&memory, number >> memory.line_shift, kind == 'w');
        printf("%" PRIu64 " %" PRIu64 "\n", stalled, lines);
    }
    return 0;
}

static int prices(const struct core *core)
{
    static char text[16 * MOST];

    while (fgets(text, sizeof text, stdin)) {
        char *rest, *word = strtok_r(text, " \n", &rest);
        size_t begun = word ? strtoul(word, NULL, 10) : 0, count = 0;

        while ((word = strtok_r(NULL, " \n", &rest)) && count < MOST)
            operations[count++] = decode_operation((uint32_t)strtoul(word, NULL, 16));
        struct price price = begun ? block_rest_price(core, operations, count, begun)
                                   : block_price(core, operations, count);

        printf("%" PRId64 " %" PRId64 "\n", (int64_t)price.cycles, (int64_t)price.overlap);
    }
    return 0;
}

static int print_runs(unsigned line, size_t count)
{
    static struct run runs[MOST_RUNS];
    size_t found = find_runs(operations, count, line, runs);

    for (size_t i = 0; i < found; i++)
        printf("%s by %zu from %d bytes %u pieces %u\n", runs[i].store ? "store" : "load", runs[i].carrier,
               runs[i].first, runs[i].bytes, runs[i].pieces);
    return 0;
}

int main(int argc, char **argv)
{
    static struct core core;
    const char *does = argc > 1 ? argv[1] : "";

    if (!strcmp(does, "classes"))
        for (unsigned i = 0; i < CLASSES; i++)
            printf("%s\n", operation_class_name(i));
    else if (!strcmp(does, "decode") && argc - 2 <= MOST)
        for (size_t i = 0; i < decode_all(argv + 2, argc - 2); i++)
            print_operation(&operations[i]);
    else if (!strcmp(does, "tally"))
        return tally();
    else if (!strcmp(does, "core") && argc == 3)
        return !read_core_file(argv[2], &core);
    else if (!strcmp(does, "runs") && argc > 3 && argc - 3 <= MOST)
        return print_runs((unsigned)atoi(argv[2]), decode_all(argv + 3, argc - 3));
    else if (!strcmp(does, "caches") && argc == 3)
        return !read_core_file(argv[2], &core) || caches(&core);
    else if (!strcmp(does, "price") && argc == 3)
        return !read_core_file(argv[2], &core) || prices(&core);
    else
        return 2;
    return 0;
}
