// Decoding of the SIMD and floating point unit.
#include "operation.h"

#include <stddef.h>

enum form {
    FORM_UNARY = 1,    // Vd, Vn
    FORM_BINARY,       // Vd, Vn, Vm
    FORM_ACCUMULATE,   // Vd += Vn * Vm
    FORM_ADD_TO,       // Vd += from Vn
    FORM_MODIFY,       // Vd, from Vd, Vn, Vm
    FORM_MODIFY_UNARY, // Vd, from Vd, Vn
    FORM_NARROW,       // the same where the upper half is written
    FORM_ELEMENT,      // Vd, Vn, an element of Vm
    FORM_ELEMENT_ACCUMULATE,
    FORM_IMMEDIATE,    // Vd
    FORM_TABLE,
    FORM_FROM_GENERAL, // Vd, Rn
    FORM_INSERT_GENERAL,
    FORM_TO_GENERAL,   // Rd, Vn
    FORM_COMPARE,      // flags, Vn, Vm
    FORM_SELECT,       // Vd, Vn, Vm, flags
    FORM_FUSED,        // Vd, Vn, Vm, Va
};

// `class` is for 128 bits; the `narrow` one for 64 bits and scalars.
struct row {
    uint32_t mask, value;
    uint8_t class, narrow, form;
};

#define BOTH(name) CLASS_##name, CLASS_##name
#define PAIR(name) CLASS_##name##_128, CLASS_##name##_64

// The first row that fits is the one. Scalar forms are looked up as the 64-bit vectors they resemble.
static const struct row VECTOR[] = {
    // copies between lanes and registers
    {0xbfe0fc00, 0x0e000400, BOTH(simd_permute), FORM_UNARY},  // DUP (element)
    {0xbfe0fc00, 0x0e000c00, BOTH(simd_from_general), FORM_FROM_GENERAL},
    {0xbfe0fc00, 0x0e001c00, BOTH(simd_from_general), FORM_INSERT_GENERAL},
    {0xbfe0ec00, 0x0e002c00, BOTH(simd_to_general), FORM_TO_GENERAL},
    {0xbfe08400, 0x2e000400, BOTH(simd_insert), FORM_MODIFY_UNARY},
    // permutations
    {0xbf208c00, 0x0e000800, BOTH(simd_permute), FORM_BINARY},
    {0xbfe08400, 0x2e000000, BOTH(simd_permute), FORM_BINARY},  // EXT
    {0xbfe08c00, 0x0e000000, BOTH(simd_table), FORM_TABLE},
    // three registers, the later extensions
    {0x9f20f400, 0x0e009400, BOTH(simd_dot), FORM_ACCUMULATE},     // SDOT, UDOT, USDOT
    {0xbfe0fc00, 0x2e40fc00, BOTH(simd_dot), FORM_ACCUMULATE},     // BFDOT
    {0x9f20f400, 0x0e00a400, BOTH(simd_matrix), FORM_ACCUMULATE},  // SMMLA, UMMLA, USMMLA
    {0xbfe0fc00, 0x2e40ec00, BOTH(simd_matrix), FORM_ACCUMULATE},  // BFMMLA
    {0xbfe0fc00, 0x2ec0fc00, BOTH(simd_multiply_long), FORM_ACCUMULATE},  // BFMLAL
    {0xbf20f400, 0x2e008400, BOTH(simd_saturating_multiply), FORM_ACCUMULATE},
    {0xbf20e400, 0x2e00c400, PAIR(fp_mla), FORM_ACCUMULATE},  // FCMLA
    {0xbf20e400, 0x2e00e400, PAIR(fp_add), FORM_BINARY},      // FCADD
    // three registers of half precision
    {0xbf60fc00, 0x0e400c00, PAIR(fp_mla), FORM_ACCUMULATE},
    {0xbfe0fc00, 0x2e403c00, BOTH(fp_divide_128), FORM_BINARY},
    {0x9f60fc00, 0x0e401400, PAIR(fp_add), FORM_BINARY},
    {0x9f60fc00, 0x0e401c00, PAIR(fp_multiply), FORM_BINARY},
    {0x9f60fc00, 0x0e402400, BOTH(fp_compare), FORM_BINARY},
    {0x9f60fc00, 0x0e402c00, BOTH(fp_compare), FORM_BINARY},
    {0x9f60fc00, 0x0e403c00, PAIR(fp_multiply), FORM_BINARY},  // FRECPS, FRSQRTS
    {0x9f60c400, 0x0e400400, BOTH(fp_minmax), FORM_BINARY},
    // three registers
    {0xbf20fc00, 0x0e20cc00, PAIR(fp_mla), FORM_ACCUMULATE},
    {0xbf20fc00, 0x2e20cc00, PAIR(fp_mla), FORM_ACCUMULATE},   // FMLAL2
    {0xbf20fc00, 0x0e20ec00, PAIR(fp_mla), FORM_ACCUMULATE},   // FMLAL
    {0x9f20fc00, 0x0e20d400, PAIR(fp_add), FORM_BINARY},       // FADD, FSUB, FADDP, FABD
    {0x9f20fc00, 0x0e20dc00, PAIR(fp_multiply), FORM_BINARY},  // FMULX, FMUL
    {0xbfa0fc00, 0x2e20fc00, CLASS_fp_divide_128, CLASS_fp_divide_32, FORM_BINARY},
    {0xbf20fc00, 0x0e20fc00, PAIR(fp_multiply), FORM_BINARY},  // FRECPS, FRSQRTS
    {0x9f20f400, 0x0e20e400, BOTH(fp_compare), FORM_BINARY},
    {0x9f20c400, 0x0e20c400, BOTH(fp_minmax), FORM_BINARY},
    {0x9f20fc00, 0x0e209400, PAIR(simd_multiply), FORM_ACCUMULATE},  // MLA, MLS
    {0x9f20fc00, 0x0e209c00, PAIR(simd_multiply), FORM_BINARY},      // MUL, PMUL
    {0x9f20fc00, 0x0e20b400, BOTH(simd_saturating_multiply), FORM_BINARY},
    {0x9f20fc00, 0x0e207c00, BOTH(simd_pairwise_long), FORM_ACCUMULATE},  // SABA
    {0x9f20e400, 0x0e204400, BOTH(simd_shift), FORM_BINARY},         // SSHL to UQRSHL
    {0xbfe0fc00, 0x2e201c00, PAIR(simd_alu), FORM_BINARY},           // EOR
    {0xbf20fc00, 0x2e201c00, PAIR(simd_alu), FORM_MODIFY},           // BSL, BIT, BIF
    {0x9f200400, 0x0e200400, PAIR(simd_alu), FORM_BINARY},
    // three registers of different widths
    {0x9f20dc00, 0x0e208000, BOTH(simd_multiply_long), FORM_ACCUMULATE},  // SMLAL, SMLSL
    {0x9f20dc00, 0x0e209000, BOTH(simd_saturating_multiply), FORM_ACCUMULATE},
    {0x9f20fc00, 0x0e20c000, BOTH(simd_multiply_long), FORM_BINARY},
    {0x9f20fc00, 0x0e20e000, BOTH(simd_multiply_long), FORM_BINARY},  // PMULL
    {0x9f20fc00, 0x0e20d000, BOTH(simd_saturating_multiply), FORM_BINARY},
    {0x9f20fc00, 0x0e205000, BOTH(simd_pairwise_long), FORM_ACCUMULATE},  // SABAL
    {0x9f20dc00, 0x0e204000, BOTH(simd_narrow), FORM_BINARY},             // ADDHN, SUBHN
    {0x9f200c00, 0x0e200000, CLASS_simd_alu_128, CLASS_simd_alu_128, FORM_BINARY},
    // two registers
    {0x9f3ffc00, 0x0e202800, BOTH(simd_pairwise_long), FORM_UNARY},       // SADDLP
    {0x9f3ffc00, 0x0e206800, BOTH(simd_pairwise_long), FORM_ADD_TO},  // SADALP
    {0x9f3fec00, 0x0e200800, BOTH(simd_permute), FORM_UNARY},        // REV
    {0x9f3ffc00, 0x0e212800, BOTH(simd_narrow), FORM_NARROW},  // XTN, SQXTUN
    {0x9f3ffc00, 0x0e214800, BOTH(simd_narrow), FORM_NARROW},  // SQXTN
    {0xbf3ffc00, 0x2e213800, BOTH(simd_shift), FORM_UNARY},          // SHLL
    {0x9f3ffc00, 0x0e216800, BOTH(fp_convert), FORM_NARROW},   // FCVTN
    {0x9fbffc00, 0x0e217800, BOTH(fp_convert), FORM_UNARY},          // FCVTL
    {0x9f3fec00, 0x0e218800, BOTH(fp_round), FORM_UNARY},            // FRINT
    {0xbfbffc00, 0x2ea1f800, BOTH(fp_sqrt), FORM_UNARY},
    {0x9fbfec00, 0x0ea0c800, BOTH(fp_compare), FORM_UNARY},  // with zero
    {0x9fbffc00, 0x0ea0e800, BOTH(fp_compare), FORM_UNARY},
    {0x9fbf8c00, 0x0ea08800, PAIR(simd_alu), FORM_UNARY},  // comparisons with zero and the like
    {0x9f3f8c00, 0x0e210800, BOTH(fp_convert), FORM_UNARY},
    {0x9f3f8c00, 0x0e218800, BOTH(fp_convert), FORM_UNARY},
    {0x9f7e0c00, 0x0e780800, BOTH(fp_convert), FORM_UNARY},  // of half precision
    {0x9f3e0c00, 0x0e200800, PAIR(simd_alu), FORM_UNARY},
    {0x9f3ffc00, 0x0e30d800, PAIR(fp_add), FORM_UNARY},  // FADDP of a pair
    {0x9f3e0c00, 0x0e300800, BOTH(simd_reduce), FORM_UNARY},
    // an immediate
    {0x9ff80400, 0x0f000400, BOTH(fp_move), FORM_IMMEDIATE},
    {0x9f80ec00, 0x0f008400, BOTH(simd_shift_narrow), FORM_NARROW},
    {0x9f80ec00, 0x0f008c00, BOTH(simd_shift_narrow), FORM_NARROW},
    {0x9f80dc00, 0x0f001400, BOTH(simd_shift), FORM_ADD_TO},  // SSRA, SRSRA
    {0xbf80fc00, 0x2f004400, BOTH(simd_shift), FORM_MODIFY_UNARY},  // SRI
    {0xbf80fc00, 0x2f005400, BOTH(simd_shift), FORM_MODIFY_UNARY},  // SLI
    {0x9f80e400, 0x0f00e400, BOTH(fp_convert), FORM_UNARY},
    {0x9f800400, 0x0f000400, BOTH(simd_shift), FORM_UNARY},
    // an element
    {0xbf80b400, 0x0f801000, PAIR(fp_mla), FORM_ELEMENT_ACCUMULATE},
    {0xbfc0b400, 0x0f001000, PAIR(fp_mla), FORM_ELEMENT_ACCUMULATE},  // of half precision
    {0x9f80f400, 0x0f809000, PAIR(fp_multiply), FORM_ELEMENT},
    {0x9fc0f400, 0x0f009000, PAIR(fp_multiply), FORM_ELEMENT},
    {0xbfc0b400, 0x0f800000, PAIR(fp_mla), FORM_ELEMENT_ACCUMULATE},  // FMLAL, FMLSL
    {0xbfc0b400, 0x2f808000, PAIR(fp_mla), FORM_ELEMENT_ACCUMULATE},
    {0x9fc0f400, 0x0f80e000, BOTH(simd_dot), FORM_ELEMENT_ACCUMULATE},
    {0xbfc0f400, 0x0fc0f000, BOTH(simd_multiply_long), FORM_ELEMENT_ACCUMULATE},  // BFMLAL
    {0xbf00f400, 0x0f00f000, BOTH(simd_dot), FORM_ELEMENT_ACCUMULATE},            // USDOT, SUDOT, BFDOT
    {0xbf009400, 0x2f001000, PAIR(fp_mla), FORM_ELEMENT_ACCUMULATE},  // FCMLA
    {0xbf00b400, 0x2f000000, PAIR(simd_multiply), FORM_ELEMENT_ACCUMULATE},
    {0xbf00f400, 0x0f008000, PAIR(simd_multiply), FORM_ELEMENT},
    {0x9f00b400, 0x0f002000, BOTH(simd_multiply_long), FORM_ELEMENT_ACCUMULATE},
    {0x9f00f400, 0x0f00a000, BOTH(simd_multiply_long), FORM_ELEMENT},
    {0xbf00b400, 0x0f003000, BOTH(simd_saturating_multiply), FORM_ELEMENT_ACCUMULATE},
    {0xbf00d400, 0x2f00d000, BOTH(simd_saturating_multiply), FORM_ELEMENT_ACCUMULATE},
    {0x9f008400, 0x0f008000, BOTH(simd_saturating_multiply), FORM_ELEMENT},
};

static const struct row SCALAR[] = {
    {0x5f000000, 0x1f000000, BOTH(scalar_fp_mla), FORM_FUSED},
    {0x5f20fc00, 0x1e201800, BOTH(fp_divide_32), FORM_BINARY},
    {0x5f200c00, 0x1e200800, BOTH(scalar_fp), FORM_BINARY},
    {0x5f200c00, 0x1e200c00, BOTH(scalar_fp), FORM_SELECT},
    {0x5f200c00, 0x1e200400, BOTH(fp_compare), FORM_COMPARE},
    {0x5f203c00, 0x1e202000, BOTH(fp_compare), FORM_COMPARE},
    {0x5f201c00, 0x1e201000, BOTH(fp_move), FORM_IMMEDIATE},
    {0x5f3ffc00, 0x1e204000, BOTH(fp_move), FORM_UNARY},
    {0x5f3ffc00, 0x1e21c000, BOTH(fp_sqrt), FORM_UNARY},
    {0x5f3ffc00, 0x1e20c000, BOTH(scalar_fp), FORM_UNARY},  // FABS
    {0x5f3ffc00, 0x1e214000, BOTH(scalar_fp), FORM_UNARY},  // FNEG
    {0x5f3c7c00, 0x1e244000, BOTH(fp_round), FORM_UNARY},
    {0x5f207c00, 0x1e204000, BOTH(fp_convert), FORM_UNARY},
    {0x5f26fc00, 0x1e220000, BOTH(simd_from_general), FORM_FROM_GENERAL},  // SCVTF, UCVTF
    {0x5f27fc00, 0x1e270000, BOTH(simd_from_general), FORM_FROM_GENERAL},  // FMOV
    {0x5f20fc00, 0x1e200000, BOTH(simd_to_general), FORM_TO_GENERAL},
    {0x5f260000, 0x1e020000, BOTH(simd_from_general), FORM_FROM_GENERAL},
    {0x5f200000, 0x1e000000, BOTH(simd_to_general), FORM_TO_GENERAL},
};

// By bits 23 and 22 the element is of 16 bits, whose register is among the first 16.
static unsigned element_register(uint32_t word, unsigned class)
{
    unsigned size = bits(word, 22, 2);
    bool half = size < 2 ? class != CLASS_simd_dot : class == CLASS_fp_mla_128 && !bits(word, 12, 1);

    return bits(word, 16, half ? 4 : 5);
}

static void accumulate(struct operation *is, unsigned target)
{
    is->accumulator = (uint8_t)(REGISTER_SIMD + target);
    operation_writes_simd(is, target);
}

static void table(uint32_t word, struct operation *is)
{
    unsigned registers = bits(word, 13, 2) + 1;

    is->times = (uint8_t)registers;
    for (unsigned i = 0; i < registers; i++)
        operation_reads_simd(is, bits(word, 5, 5) + i);
    operation_reads_simd(is, bits(word, 16, 5));
    if (bits(word, 12, 1))
        operation_reads_simd(is, bits(word, 0, 5));
    operation_writes_simd(is, bits(word, 0, 5));
}

// Between the SIMD and the general registers, or the flags.
static void crossing(uint32_t word, struct operation *is, enum form form)
{
    unsigned target = bits(word, 0, 5), first = bits(word, 5, 5), second = bits(word, 16, 5);

    if (form == FORM_FROM_GENERAL || form == FORM_INSERT_GENERAL) {
        operation_reads(is, first);
        if (form == FORM_INSERT_GENERAL)
            operation_reads_simd(is, target);
        operation_writes_simd(is, target);
        return;
    }
    operation_reads_simd(is, first);
    if (form == FORM_TO_GENERAL) {
        operation_writes(is, target);
        return;
    }
    if (form != FORM_COMPARE || bits(word, 10, 2) == 1 || !bits(word, 3, 1))  // else with zero
        operation_reads_simd(is, second);
    if (form == FORM_COMPARE) {
        operation_writes_flags(is);
    } else {
        operation_reads_flags(is);
        operation_writes_simd(is, target);
    }
}

static bool keeps_target(uint32_t word, enum form form)
{
    if (form == FORM_IMMEDIATE)  // ORR and BIC
        return bits(word, 28, 1) == 0 && bits(word, 12, 1) && bits(word, 14, 2) != 3;
    return form == FORM_MODIFY || form == FORM_MODIFY_UNARY || (form == FORM_NARROW && bits(word, 30, 1));
}

static void plain(uint32_t word, struct operation *is, enum form form)
{
    unsigned target = bits(word, 0, 5);
    bool accumulates = form == FORM_ACCUMULATE || form == FORM_ADD_TO || form == FORM_ELEMENT_ACCUMULATE;

    if (form != FORM_IMMEDIATE)
        operation_reads_simd(is, bits(word, 5, 5));
    if (form == FORM_BINARY || form == FORM_ACCUMULATE || form == FORM_MODIFY || form == FORM_FUSED)
        operation_reads_simd(is, bits(word, 16, 5));
    if (form == FORM_ELEMENT || form == FORM_ELEMENT_ACCUMULATE)
        operation_reads_simd(is, element_register(word, is->class));
    if (keeps_target(word, form))
        operation_reads_simd(is, target);
    if (accumulates)
        accumulate(is, target);
    else
        operation_writes_simd(is, target);
    if (form == FORM_FUSED) {
        if (bits(word, 10, 5) == target)
            is->accumulator = (uint8_t)(REGISTER_SIMD + target);
        else
            operation_reads_simd(is, bits(word, 10, 5));
    }
}

static bool look_up(uint32_t word, const struct row *rows, size_t count, bool narrow, struct operation *is)
{
    for (size_t i = 0; i < count; i++) {
        enum form form = rows[i].form;

        if ((word & rows[i].mask) != rows[i].value)
            continue;
        is->class = rows[i].class;
        if (form == FORM_TABLE)
            table(word, is);
        else if (form >= FORM_FROM_GENERAL && form <= FORM_SELECT)
            crossing(word, is, form);
        else
            plain(word, is, form);
        if (narrow)
            is->class = rows[i].narrow;
        return true;
    }
    return false;
}

bool decode_simd(uint32_t word, struct operation *is)
{
    uint32_t top = word & 0xde000000;

    if ((word & 0x0e000000) != 0x0e000000)
        return false;
    if ((word & 0x9e000000) == 0x0e000000)
        return look_up(word, VECTOR, sizeof VECTOR / sizeof *VECTOR, !bits(word, 30, 1), is);
    if (top == 0x5e000000)
        return look_up(word & ~0x50000000u, VECTOR, sizeof VECTOR / sizeof *VECTOR, true, is);
    return look_up(word, SCALAR, sizeof SCALAR / sizeof *SCALAR, true, is);
}
