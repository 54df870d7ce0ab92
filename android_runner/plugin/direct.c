// Plugin interface 1: translated code adds to the page itself. Exact for a guest with one running
// thread: the additions of several virtual CPUs are not atomic.
#include "count.h"
#include "model.h"

#include <string.h>

static uint64_t *counters;
static uint64_t overlap;

static uint64_t earned(void)
{
    return overlap;
}

uint32_t instruction_word(const struct qemu_plugin_insn *instruction)
{
    uint32_t word;

    memcpy(&word, qemu_plugin_insn_data(instruction), sizeof word);
    return word;
}

static void add(struct qemu_plugin_tb *block, uint64_t *word, uint64_t value)
{
    if (value)
        qemu_plugin_register_vcpu_tb_exec_inline(block, QEMU_PLUGIN_INLINE_ADD_U64, word, value);
}

// The additions become part of the translated code: nothing is called when it runs.
static void count_block(qemu_plugin_id_t id, struct qemu_plugin_tb *block)
{
    struct price price;

    (void)id;
    add(block, &counters[COUNTER_INSTRUCTIONS], qemu_plugin_tb_n_insns(block));
    if (!model_is_open())
        return;
    price = model_block(block);
    add(block, &counters[COUNTER_CYCLES], price.cycles);
    add(block, &overlap, price.overlap);
}

bool count_into(uint64_t *page, const char *core_file, qemu_plugin_id_t id, const struct qemu_info *emulator)
{
    static struct bill bill;

    (void)emulator;
    counters = page;
    bill = (struct bill){&counters[COUNTER_CYCLES], &counters[COUNTER_DRAM_LINES], earned};
    if (core_file && !model_open(core_file, &bill))
        return false;
    qemu_plugin_register_vcpu_tb_trans_cb(id, count_block);
    return true;
}
