// What the cost model knows of an A64 instruction: its class, its registers, its access to memory.
#pragma once

#include <stdbool.h>
#include <stdint.h>

// Costs are given by class, under these names (docs/cost-model.md).
#define OPERATION_CLASSES(X)                                                                                \
    X(alu) X(alu_shift) X(multiply) X(divide) X(branch) X(other) X(prefetch)                               \
    X(load) X(load_pair) X(load_simd_64) X(load_simd_128) X(load_pair_simd_64) X(load_pair_simd_128)       \
    X(load_multi_1) X(load_multi_2) X(load_multi_3) X(load_multi_4)                                        \
    X(load_lane) X(load_dup) X(load_deinterleave)                                                          \
    X(store) X(store_pair) X(store_simd_64) X(store_simd_128) X(store_pair_simd_128)                       \
    X(store_multi) X(store_lane)                                                                           \
    X(fp_add_64) X(fp_add_128) X(fp_multiply_64) X(fp_multiply_128) X(fp_mla_64) X(fp_mla_128)             \
    X(fp_minmax) X(fp_compare) X(fp_convert) X(fp_round) X(fp_divide_32) X(fp_divide_128) X(fp_sqrt)       \
    X(fp_move) X(scalar_fp) X(scalar_fp_mla)                                                               \
    X(simd_alu_64) X(simd_alu_128) X(simd_shift) X(simd_shift_narrow)                                      \
    X(simd_multiply_64) X(simd_multiply_128) X(simd_saturating_multiply) X(simd_multiply_long)             \
    X(simd_dot) X(simd_matrix) X(simd_pairwise_long) X(simd_narrow) X(simd_permute) X(simd_table)          \
    X(simd_from_general) X(simd_to_general) X(simd_insert) X(simd_reduce)

enum operation_class {
#define CLASS_NUMBER(name) CLASS_##name,
    OPERATION_CLASSES(CLASS_NUMBER)
#undef CLASS_NUMBER
    CLASSES,
};

// Registers in one numbering: 0 to 30 general, then these, then the SIMD ones.
enum {
    REGISTER_SP = 31,
    REGISTER_FLAGS = 32,
    REGISTER_SIMD = 33,
    REGISTERS = REGISTER_SIMD + 32,
    NO_REGISTER = 255,
};

enum { MOST_SOURCES = 7, MOST_RESULTS = 5 };

enum access { ACCESS_NONE, ACCESS_LOAD, ACCESS_STORE };

// Where and how much an instruction reads or writes.
struct memory_access {
    uint8_t kind;  // enum access
    bool known;    // the address is base + displacement
    bool whole;    // one access, however the emulator is made
    uint8_t base;
    int32_t displacement;
    uint16_t bytes;
};

struct operation {
    uint8_t class;
    uint8_t times;         // its class's cost is for one of so many registers
    uint8_t source_count, result_count;
    uint8_t sources[MOST_SOURCES];
    uint8_t results[MOST_RESULTS];
    uint8_t accumulator;   // what it adds its product to; it is among the results, not among the sources
    uint8_t updated;       // the base register it writes back, one cycle later
    bool adds;             // results[0] = added + addend, 64 bits wide: known when translated
    uint8_t added;
    bool branches;         // to `jump` bytes from itself
    int32_t update;        // what is added to the base register
    int32_t addend;
    int32_t jump;
    struct memory_access access;
};

// An instruction of which nothing else is known is one of class `other` without registers.
struct operation decode_operation(uint32_t word);

// The parts of decode_operation; each returns false for a word that is not its kind.
bool decode_memory(uint32_t word, struct operation *operation);
bool decode_simd(uint32_t word, struct operation *operation);

const char *operation_class_name(enum operation_class class);

// Adds a register; 31 is the zero register, which is none.
void operation_reads(struct operation *operation, unsigned general);
void operation_reads_base(struct operation *operation, unsigned general_or_sp);
void operation_reads_simd(struct operation *operation, unsigned simd);
void operation_reads_flags(struct operation *operation);
void operation_writes(struct operation *operation, unsigned general);
void operation_writes_base(struct operation *operation, unsigned general_or_sp);
void operation_writes_simd(struct operation *operation, unsigned simd);
void operation_writes_flags(struct operation *operation);

// The unsigned number in bits [low, low + count) of an instruction.
static inline unsigned bits(uint32_t word, unsigned low, unsigned count)
{
    return word >> low & ((1u << count) - 1);
}

// The same, signed.
static inline int32_t signed_bits(uint32_t word, unsigned low, unsigned count)
{
    return (int32_t)(word << (32 - low - count)) >> (32 - count);
}
