#include "model.h"

#include "runs.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_INSTRUCTIONS = 1024, KEPT = 64 };

static bool opened;
static struct core core;
static struct memory memory;

// A block without a branch: QEMU ends blocks where a page ends, and what follows goes on in the next.
struct beginning {
    uint64_t start, end;
    size_t count;
    struct operation operations[MOST_INSTRUCTIONS];
};

static struct beginning *kept[KEPT];
static unsigned next_kept;

// What a callback needs of its run. Lives as long as the translated code may.
struct watch {
    int32_t first;
    uint32_t last;  // byte of the run, from its first
    uint16_t pieces;
    uint16_t left;  // of the pieces of an access that are still to come, and say nothing new
    bool store;
};

bool model_open(const char *core_file, struct bill *bill)
{
    if (!read_core_file(core_file, &core))
        return false;
    if (core.caches)
        memory_init(&memory, &core, bill);
    opened = true;
    return true;
}

bool model_is_open(void)
{
    return opened;
}

static void accessed(unsigned vcpu, qemu_plugin_meminfo_t info, uint64_t address, void *data)
{
    struct watch *watch = data;
    uint64_t line, last;

    (void)vcpu;
    if (watch->left) {
        watch->left--;
        return;
    }
    if (watch->pieces)
        watch->left = (uint16_t)((watch->pieces >> qemu_plugin_mem_size_shift(info)) - 1);
    address += (uint64_t)(int64_t)watch->first;
    line = address >> memory.line_shift;
    last = (address + watch->last) >> memory.line_shift;
    do
        memory_touch(&memory, line, watch->store);
    while (line++ != last);
}

static struct watch *new_watch(const struct run *run)
{
    static struct watch *chunk;
    static size_t left;
    enum { CHUNK = 4096 };

    if (!left) {
        chunk = malloc(CHUNK * sizeof *chunk);
        left = chunk ? CHUNK : 0;
        if (!chunk)
            abort();
    }
    left--;
    *chunk = (struct watch){run->first, run->bytes - 1, run->pieces, 0, run->store};
    return chunk++;
}

static void watch_memory(struct qemu_plugin_tb *block, const struct operation operations[], size_t count)
{
    static struct run runs[MOST_RUNS];
    size_t found = find_runs(operations, count, core.line, runs);

    for (size_t i = 0; i < found; i++)
        // Both kinds: QEMU 7.2 takes one alone for the other. An instruction has only its own.
        qemu_plugin_register_vcpu_mem_cb(qemu_plugin_tb_get_insn(block, runs[i].carrier), accessed,
                                         QEMU_PLUGIN_CB_NO_REGS, QEMU_PLUGIN_MEM_RW, new_watch(&runs[i]));
}

static const struct beginning *beginning_of(uint64_t start)
{
    for (unsigned i = 1; i <= KEPT; i++) {
        const struct beginning *candidate = kept[(next_kept - i) % KEPT];

        if (candidate && candidate->end == start)
            return candidate;
    }
    return NULL;
}

static void keep(uint64_t start, const struct operation operations[], size_t count)
{
    struct beginning **place = &kept[next_kept++ % KEPT];

    if (!*place && !(*place = malloc(sizeof **place)))
        abort();
    (*place)->start = start;
    (*place)->end = start + 4 * count;
    (*place)->count = count;
    memcpy((*place)->operations, operations, count * sizeof *operations);
}

// What a block costs beyond what its beginning, a block of its own, was found to cost.
static struct price rest_price(const struct beginning *begun, const struct operation operations[], size_t count)
{
    static struct operation joined[2 * MOST_INSTRUCTIONS];

    memcpy(joined, begun->operations, begun->count * sizeof *joined);
    memcpy(joined + begun->count, operations, count * sizeof *joined);
    return block_rest_price(&core, joined, begun->count + count, begun->count);
}

struct price model_block(struct qemu_plugin_tb *block)
{
    static struct operation operations[MOST_INSTRUCTIONS];
    size_t count = qemu_plugin_tb_n_insns(block);
    uint64_t start = qemu_plugin_tb_vaddr(block);
    const struct beginning *begun = beginning_of(start);

    if (!count || count > MOST_INSTRUCTIONS)
        abort();
    for (size_t i = 0; i < count; i++)
        operations[i] = decode_operation(instruction_word(qemu_plugin_tb_get_insn(block, i)));
    if (core.caches)
        watch_memory(block, operations, count);
    if (begun && loop_top(operations, count) == NO_LOOP)
        return rest_price(begun, operations, count);
    if (operations[count - 1].class != CLASS_branch && operations[count - 1].class != CLASS_other)
        keep(start, operations, count);
    return block_price(&core, operations, count);
}
