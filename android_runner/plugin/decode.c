// Decoding of what is neither an access to memory nor of the SIMD and floating point unit.
#include "operation.h"

#include <stddef.h>

enum form {
    FORM_NONE,
    FORM_ADDRESS,       // Rd
    FORM_ADD_IMMEDIATE, // Rd|SP, Rn|SP
    FORM_LOGIC_IMMEDIATE,
    FORM_WIDE,          // Rd; a MOVK also reads it
    FORM_BITFIELD,
    FORM_TWO,           // Rd, Rn
    FORM_THREE,         // Rd, Rn, Rm; flags by bit 29 where bits 28..24 say so
    FORM_SHIFTED,
    FORM_EXTENDED,
    FORM_CARRY,
    FORM_CONDITIONAL_COMPARE,
    FORM_CONDITIONAL_SELECT,
    FORM_FOUR,          // Rd, Rn, Rm, Ra
    FORM_JUMP,
    FORM_CALL,
    FORM_JUMP_IF,
    FORM_JUMP_IF_ZERO,
    FORM_JUMP_IF_BIT,
    FORM_JUMP_REGISTER,
    FORM_READ_SYSTEM,
};

struct row {
    uint32_t mask, value;
    uint8_t class, form;
};

// The first row that fits is the one.
static const struct row ROWS[] = {
    {0x1f000000, 0x10000000, CLASS_alu, FORM_ADDRESS},
    {0x1f800000, 0x11000000, CLASS_alu, FORM_ADD_IMMEDIATE},
    {0x1f800000, 0x12000000, CLASS_alu, FORM_LOGIC_IMMEDIATE},
    {0x1f800000, 0x12800000, CLASS_alu, FORM_WIDE},
    {0x1f800000, 0x13000000, CLASS_alu, FORM_BITFIELD},
    {0x1f800000, 0x13800000, CLASS_alu_shift, FORM_THREE},
    {0xfc000000, 0x14000000, CLASS_branch, FORM_JUMP},
    {0xfc000000, 0x94000000, CLASS_branch, FORM_CALL},
    {0xff000000, 0x54000000, CLASS_branch, FORM_JUMP_IF},
    {0x7e000000, 0x34000000, CLASS_branch, FORM_JUMP_IF_ZERO},
    {0x7e000000, 0x36000000, CLASS_branch, FORM_JUMP_IF_BIT},
    {0xfe000000, 0xd6000000, CLASS_branch, FORM_JUMP_REGISTER},
    {0xfff00000, 0xd5300000, CLASS_other, FORM_READ_SYSTEM},
    {0x1f000000, 0x0a000000, CLASS_alu, FORM_SHIFTED},
    {0x1f200000, 0x0b000000, CLASS_alu, FORM_SHIFTED},
    {0x1f200000, 0x0b200000, CLASS_alu, FORM_EXTENDED},
    {0x1fe0fc00, 0x1a000000, CLASS_alu, FORM_CARRY},
    {0x1fe00000, 0x1a400000, CLASS_alu, FORM_CONDITIONAL_COMPARE},
    {0x1fe00000, 0x1a800000, CLASS_alu, FORM_CONDITIONAL_SELECT},
    {0x5fe0f800, 0x1ac00800, CLASS_divide, FORM_THREE},
    {0x5fe0f000, 0x1ac04000, CLASS_multiply, FORM_THREE}, // CRC32
    {0x5fe00000, 0x1ac00000, CLASS_alu, FORM_THREE},
    {0x5fe00000, 0x5ac00000, CLASS_alu, FORM_TWO},
    {0x1f000000, 0x1b000000, CLASS_multiply, FORM_FOUR},
};

enum { SHIFTS_FOR_FREE = 4 };  // LSL by so much is no more than an addition on most cores

static void add_immediate(uint32_t word, struct operation *is)
{
    unsigned sets_flags = bits(word, 29, 1), target = bits(word, 0, 5);
    int32_t amount = (int32_t)(bits(word, 10, 12) << (bits(word, 22, 1) ? 12 : 0));

    operation_reads_base(is, bits(word, 5, 5));
    if (sets_flags) {
        operation_writes(is, target);
        operation_writes_flags(is);
    } else {
        operation_writes_base(is, target);
    }
    is->adds = bits(word, 31, 1) && is->result_count && is->results[0] != REGISTER_FLAGS;
    is->added = is->sources[0];
    is->addend = bits(word, 30, 1) ? -amount : amount;
}

static void shifted(uint32_t word, struct operation *is)
{
    bool logic = bits(word, 24, 5) == 0x0a;
    bool sets_flags = logic ? bits(word, 29, 2) == 3 : bits(word, 29, 1);
    unsigned amount = bits(word, 10, 6), kind = bits(word, 22, 2);

    if (amount && (kind || amount > SHIFTS_FOR_FREE))
        is->class = CLASS_alu_shift;
    operation_reads(is, bits(word, 5, 5));
    operation_reads(is, bits(word, 16, 5));
    operation_writes(is, bits(word, 0, 5));
    if (sets_flags)
        operation_writes_flags(is);
    // MOV is ORR with the zero register.
    is->adds = (word & 0xffe0ffe0) == 0xaa0003e0 && is->result_count && is->source_count;
    is->added = is->sources[0];
}

static void extended(uint32_t word, struct operation *is)
{
    if (bits(word, 10, 3) > SHIFTS_FOR_FREE || (bits(word, 13, 2) != 3 && bits(word, 10, 3)))
        is->class = CLASS_alu_shift;
    operation_reads_base(is, bits(word, 5, 5));
    operation_reads(is, bits(word, 16, 5));
    if (bits(word, 29, 1)) {
        operation_writes(is, bits(word, 0, 5));
        operation_writes_flags(is);
    } else {
        operation_writes_base(is, bits(word, 0, 5));
    }
}

static void conditional(uint32_t word, struct operation *is, bool compares)
{
    operation_reads_flags(is);
    operation_reads(is, bits(word, 5, 5));
    if (!compares || !bits(word, 11, 1))
        operation_reads(is, bits(word, 16, 5));
    if (compares)
        operation_writes_flags(is);
    else
        operation_writes(is, bits(word, 0, 5));
}

static void jump_by(struct operation *is, int32_t instructions)
{
    is->branches = true;
    is->jump = instructions * 4;
}

static void jump(uint32_t word, struct operation *is, enum form form)
{
    switch (form) {
    case FORM_CALL:
        operation_writes(is, 30);
        jump_by(is, signed_bits(word, 0, 26));
        break;
    case FORM_JUMP:
        jump_by(is, signed_bits(word, 0, 26));
        break;
    case FORM_JUMP_IF:
        operation_reads_flags(is);
        jump_by(is, signed_bits(word, 5, 19));
        break;
    case FORM_JUMP_IF_ZERO:
        operation_reads(is, bits(word, 0, 5));
        jump_by(is, signed_bits(word, 5, 19));
        break;
    case FORM_JUMP_IF_BIT:
        operation_reads(is, bits(word, 0, 5));
        jump_by(is, signed_bits(word, 5, 14));
        break;
    default:
        operation_reads(is, bits(word, 5, 5));
        if (bits(word, 21, 4) == 1)
            operation_writes(is, 30);
    }
}

static void calculate(uint32_t word, struct operation *is, enum form form)
{
    unsigned target = bits(word, 0, 5);

    if (form == FORM_WIDE ? bits(word, 29, 2) == 3 : form == FORM_BITFIELD && bits(word, 29, 2) == 1)
        operation_reads(is, target);
    if (form != FORM_ADDRESS && form != FORM_WIDE && form != FORM_READ_SYSTEM)
        operation_reads(is, bits(word, 5, 5));
    if (form == FORM_THREE || form == FORM_FOUR || form == FORM_CARRY)
        operation_reads(is, bits(word, 16, 5));
    if (form == FORM_FOUR)
        operation_reads(is, bits(word, 10, 5));
    if (form == FORM_CARRY)
        operation_reads_flags(is);
    if (form == FORM_LOGIC_IMMEDIATE && bits(word, 29, 2) != 3)
        operation_writes_base(is, target);
    else
        operation_writes(is, target);
    if ((form == FORM_CARRY && bits(word, 29, 1)) ||
        (form == FORM_LOGIC_IMMEDIATE && bits(word, 29, 2) == 3))
        operation_writes_flags(is);
}

static void fill(uint32_t word, struct operation *is, enum form form)
{
    if (form == FORM_ADD_IMMEDIATE)
        add_immediate(word, is);
    else if (form == FORM_SHIFTED)
        shifted(word, is);
    else if (form == FORM_EXTENDED)
        extended(word, is);
    else if (form == FORM_CONDITIONAL_COMPARE || form == FORM_CONDITIONAL_SELECT)
        conditional(word, is, form == FORM_CONDITIONAL_COMPARE);
    else if (form >= FORM_JUMP && form <= FORM_JUMP_REGISTER)
        jump(word, is, form);
    else
        calculate(word, is, form);
}

struct operation decode_operation(uint32_t word)
{
    struct operation is = {.class = CLASS_other, .times = 1, .accumulator = NO_REGISTER, .updated = NO_REGISTER};

    if (decode_memory(word, &is) || decode_simd(word, &is))
        return is;
    for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++)
        if ((word & ROWS[i].mask) == ROWS[i].value) {
            is.class = ROWS[i].class;
            fill(word, &is, ROWS[i].form);
            break;
        }
    return is;
}
