// Plugin interface 1: translated code adds to the page itself. Exact for a guest with one running
// thread: the additions of several virtual CPUs are not atomic.
#include "count.h"

static uint64_t *counters;

// The additions become part of the translated code: nothing is called when it runs.
static void count_block(qemu_plugin_id_t id, struct qemu_plugin_tb *block)
{
    (void)id;
    qemu_plugin_register_vcpu_tb_exec_inline(block, QEMU_PLUGIN_INLINE_ADD_U64,
                                             &counters[COUNTER_INSTRUCTIONS],
                                             qemu_plugin_tb_n_insns(block));
}

bool count_into(uint64_t *page, qemu_plugin_id_t id, const struct qemu_info *emulator)
{
    (void)emulator;
    counters = page;
    qemu_plugin_register_vcpu_tb_trans_cb(id, count_block);
    return true;
}
