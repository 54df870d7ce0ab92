// The few functions of QEMU's TCG plugin interface that the counter uses. Declared by hand because
// distributions ship no header. Version 1 is accepted by QEMU 4.2 to 8.2; from 9.0 on a plugin must
// ask for version 2 or later, which has scoreboards in place of additions to any word.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define QEMU_PLUGIN_EXPORT __attribute__((visibility("default")))

#if PLUGIN_API != 1 && PLUGIN_API != 2
#error "PLUGIN_API is 1 or 2"
#endif

enum qemu_plugin_inline_op { QEMU_PLUGIN_INLINE_ADD_U64 };

enum qemu_plugin_cb_flags { QEMU_PLUGIN_CB_NO_REGS };
enum qemu_plugin_mem_rw { QEMU_PLUGIN_MEM_R = 1, QEMU_PLUGIN_MEM_W, QEMU_PLUGIN_MEM_RW };

typedef uint64_t qemu_plugin_id_t;
typedef uint32_t qemu_plugin_meminfo_t;

struct qemu_plugin_tb;
struct qemu_plugin_insn;

// The beginning that all versions share.
struct qemu_info {
    const char *target_name;
    struct {
        int min;
        int cur;
    } version;
};

typedef void qemu_plugin_tb_translated(qemu_plugin_id_t id, struct qemu_plugin_tb *block);

void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t id, qemu_plugin_tb_translated *callback);

size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *block);

uint64_t qemu_plugin_tb_vaddr(const struct qemu_plugin_tb *block);

struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *block, size_t index);

typedef void qemu_plugin_memory_accessed(unsigned vcpu, qemu_plugin_meminfo_t info, uint64_t address, void *data);

void qemu_plugin_register_vcpu_mem_cb(struct qemu_plugin_insn *instruction,
                                      qemu_plugin_memory_accessed *callback, enum qemu_plugin_cb_flags flags,
                                      enum qemu_plugin_mem_rw which, void *data);

unsigned qemu_plugin_mem_size_shift(qemu_plugin_meminfo_t info);

#if PLUGIN_API == 1

void qemu_plugin_register_vcpu_tb_exec_inline(struct qemu_plugin_tb *block, enum qemu_plugin_inline_op op,
                                              void *word, uint64_t value);

const void *qemu_plugin_insn_data(const struct qemu_plugin_insn *instruction);

#else

struct qemu_plugin_scoreboard;

// A word of every virtual CPU's element of a scoreboard.
typedef struct {
    struct qemu_plugin_scoreboard *score;
    size_t offset;
} qemu_plugin_u64;

typedef void qemu_plugin_vcpu_called(unsigned vcpu, void *data);

struct qemu_plugin_scoreboard *qemu_plugin_scoreboard_new(size_t element_bytes);

uint64_t qemu_plugin_u64_sum(qemu_plugin_u64 word);

void qemu_plugin_register_vcpu_tb_exec_inline_per_vcpu(struct qemu_plugin_tb *block,
                                                       enum qemu_plugin_inline_op op, qemu_plugin_u64 word,
                                                       uint64_t value);

void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *instruction,
                                            qemu_plugin_vcpu_called *callback,
                                            enum qemu_plugin_cb_flags flags, void *data);

// Copies since interface version 3 (QEMU 9.1). In version 2 it took one argument and returned where
// the instruction is.
size_t qemu_plugin_insn_data(const struct qemu_plugin_insn *instruction, void *to, size_t bytes);

typedef const void *qemu_plugin_insn_data_of_version_2(const struct qemu_plugin_insn *instruction);

#endif
