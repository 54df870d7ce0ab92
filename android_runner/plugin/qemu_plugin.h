// The few functions of QEMU's TCG plugin interface, version 1, that the counter uses.
// Declared by hand because distributions ship no header. Version 1 is accepted by
// QEMU 4.2 to 8.2; from 9.0 on a plugin must ask for version 2 or later.
#pragma once

#include <stddef.h>
#include <stdint.h>

#define QEMU_PLUGIN_EXPORT __attribute__((visibility("default")))

enum { QEMU_PLUGIN_API = 1 };

enum qemu_plugin_inline_op { QEMU_PLUGIN_INLINE_ADD_U64 };

typedef uint64_t qemu_plugin_id_t;

struct qemu_plugin_tb;

typedef void qemu_plugin_tb_translated(qemu_plugin_id_t id, struct qemu_plugin_tb *block);

void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t id, qemu_plugin_tb_translated *callback);

size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *block);

void qemu_plugin_register_vcpu_tb_exec_inline(struct qemu_plugin_tb *block, enum qemu_plugin_inline_op op,
                                              void *word, uint64_t value);
