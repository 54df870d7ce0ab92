// The cost model, as the counting of blocks uses it (docs/cost-model.md).
#pragma once

#include "memory.h"
#include "price.h"
#include "qemu_plugin.h"

// Reads the core file. From then on what memory costs goes on the bill. Complains and returns false if
// the file is not right.
bool model_open(const char *core_file, struct bill *bill);

// Whether a core file was read.
bool model_is_open(void);

// What a block costs whenever it runs; has its accesses to memory looked at from now on.
struct price model_block(struct qemu_plugin_tb *block);

// An instruction as it stands in memory; how it is had differs with the plugin interface.
uint32_t instruction_word(const struct qemu_plugin_insn *instruction);
