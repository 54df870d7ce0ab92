// The cost model, as the counting of blocks uses it (docs/cost-model.md).
#pragma once

#include "qemu_plugin.h"

// Reads the core file. From then on what memory costs is added to `stalled` (parts of cycles) and
// `lines`. Complains and returns false if the file is not right.
bool model_open(const char *core_file, uint64_t *stalled, uint64_t *lines);

// Whether a core file was read.
bool model_is_open(void);

// The parts of cycles that a block costs whenever it runs, which may wrap around below zero; has the
// block's accesses to memory looked at from now on.
uint64_t model_block(struct qemu_plugin_tb *block);

// An instruction as it stands in memory; how it is had differs with the plugin interface.
uint32_t instruction_word(const struct qemu_plugin_insn *instruction);
