// Plugin interface 1: translated code adds to the page itself. Exact for a guest with one running
// thread: the additions of several virtual CPUs are not atomic.
#include "count.h"
#include "model.h"

#include <string.h>

static uint64_t *counters;

uint32_t instruction_word(const struct qemu_plugin_insn *instruction)
{
    uint32_t word;

    memcpy(&word, qemu_plugin_insn_data(instruction), sizeof word);
    return word;
}

static void add(struct qemu_plugin_tb *block, enum counter counter, uint64_t value)
{
    qemu_plugin_register_vcpu_tb_exec_inline(block, QEMU_PLUGIN_INLINE_ADD_U64, &counters[counter], value);
}

// The additions become part of the translated code: nothing is called when it runs.
static void count_block(qemu_plugin_id_t id, struct qemu_plugin_tb *block)
{
    (void)id;
    add(block, COUNTER_INSTRUCTIONS, qemu_plugin_tb_n_insns(block));
    if (model_is_open())
        add(block, COUNTER_CYCLES, model_block(block));
}

bool count_into(uint64_t *page, const char *core_file, qemu_plugin_id_t id, const struct qemu_info *emulator)
{
    (void)emulator;
    counters = page;
    if (core_file && !model_open(core_file, &counters[COUNTER_CYCLES], &counters[COUNTER_DRAM_LINES]))
        return false;
    qemu_plugin_register_vcpu_tb_trans_cb(id, count_block);
    return true;
}
