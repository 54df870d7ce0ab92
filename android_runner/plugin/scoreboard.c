// Plugin interface 2 and later: translated code adds to scoreboards, which are the emulator's own
// memory, one element for each virtual CPU. What they sum to is written to the page when the guest
// says, with an instruction that does nothing on a processor, that it is about to read.
#include "count.h"
#include "model.h"

#include <stdio.h>
#include <string.h>

static uint64_t *counters;
static struct qemu_plugin_scoreboard *tallies;
static bool data_is_copied;
// What memory costs, of all virtual CPUs: few enough additions for a call each.
static uint64_t stalled, lines;

// What is tallied beside the counters.
enum { TALLY_OVERLAP = COUNTERS, TALLIES };

static qemu_plugin_u64 tally_of(unsigned number)
{
    return (qemu_plugin_u64){tallies, number * sizeof(uint64_t)};
}

static uint64_t earned(void)
{
    return qemu_plugin_u64_sum(tally_of(TALLY_OVERLAP));
}

static uint64_t called_for(enum counter counter)
{
    return counter == COUNTER_CYCLES ? stalled : counter == COUNTER_DRAM_LINES ? lines : 0;
}

// Other threads may run meanwhile: what one of them has published is not taken back.
static void publish(unsigned vcpu, void *data)
{
    (void)vcpu;
    (void)data;
    for (enum counter each = 0; each < COUNTERS; each++) {
        uint64_t sum = qemu_plugin_u64_sum(tally_of(each)) + called_for(each);
        uint64_t old = __atomic_load_n(&counters[each], __ATOMIC_RELAXED);

        while (old < sum &&
               !__atomic_compare_exchange_n(&counters[each], &old, sum, true, __ATOMIC_RELAXED,
                                            __ATOMIC_RELAXED))
            ;
    }
}

uint32_t instruction_word(const struct qemu_plugin_insn *instruction)
{
    uint32_t word = 0;

    if (data_is_copied)
        qemu_plugin_insn_data(instruction, &word, sizeof word);
    else
        memcpy(&word, ((qemu_plugin_insn_data_of_version_2 *)(void *)qemu_plugin_insn_data)(instruction),
               sizeof word);
    return word;
}

static void add(struct qemu_plugin_tb *block, unsigned tally, uint64_t value)
{
    if (value)
        qemu_plugin_register_vcpu_tb_exec_inline_per_vcpu(block, QEMU_PLUGIN_INLINE_ADD_U64, tally_of(tally), value);
}

static void add_price(struct qemu_plugin_tb *block)
{
    struct price price = model_block(block);

    add(block, COUNTER_CYCLES, price.cycles);
    add(block, TALLY_OVERLAP, price.overlap);
}

// The additions become part of the translated code: nothing is called but where the guest reads.
static void count_block(qemu_plugin_id_t id, struct qemu_plugin_tb *block)
{
    size_t instructions = qemu_plugin_tb_n_insns(block);

    (void)id;
    add(block, COUNTER_INSTRUCTIONS, instructions);
    if (model_is_open())
        add_price(block);
    for (size_t i = 0; i < instructions; i++) {
        struct qemu_plugin_insn *instruction = qemu_plugin_tb_get_insn(block, i);

        if (instruction_word(instruction) == COUNTER_HINT_INSTRUCTION)
            qemu_plugin_register_vcpu_insn_exec_cb(instruction, publish, QEMU_PLUGIN_CB_NO_REGS, NULL);
    }
}

bool count_into(uint64_t *page, const char *core_file, qemu_plugin_id_t id, const struct qemu_info *emulator)
{
    if (strcmp(emulator->target_name, "aarch64")) {
        fprintf(stderr, "tflprof counter plugin: counts for aarch64, not for %s\n", emulator->target_name);
        return false;
    }
    static struct bill bill = {&stalled, &lines, earned};

    if (core_file && !model_open(core_file, &bill))
        return false;
    counters = page;
    data_is_copied = emulator->version.cur >= 3;
    tallies = qemu_plugin_scoreboard_new(TALLIES * sizeof(uint64_t));
    qemu_plugin_register_vcpu_tb_trans_cb(id, count_block);
    return true;
}
