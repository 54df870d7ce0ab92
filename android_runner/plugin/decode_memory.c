// Decoding of loads and stores. How QEMU cuts an access in pieces is of no concern here, but for those
// it never cuts: `whole`.
#include "operation.h"

static void at(struct operation *is, enum access kind, unsigned base, int32_t displacement, unsigned size)
{
    is->access = (struct memory_access){
        .kind = (uint8_t)kind,
        .known = true,
        .base = (uint8_t)base,
        .displacement = displacement,
        .bytes = (uint16_t)size,
    };
    operation_reads_base(is, base);
}

static void write_back(struct operation *is, int32_t update)
{
    is->updated = is->access.base;
    is->update = update;
}

static void transfer(struct operation *is, unsigned number, bool simd)
{
    bool load = is->access.kind == ACCESS_LOAD;

    if (simd && load)
        operation_writes_simd(is, number);
    else if (simd)
        operation_reads_simd(is, number);
    else if (load)
        operation_writes(is, number);
    else
        operation_reads(is, number);
}

// What is loaded or stored by one register: a pointer and an index or a displacement.
static void one_register(uint32_t word, struct operation *is)
{
    unsigned size = bits(word, 30, 2), does = bits(word, 22, 2), base = bits(word, 5, 5);
    bool simd = bits(word, 26, 1), scaled = bits(word, 24, 1), load = simd ? does & 1 : does != 0;
    unsigned shift = simd ? size | (does & 2) << 1 : size, bytes = 1u << shift;
    unsigned mode = scaled ? 0 : bits(word, 21, 1) << 2 | bits(word, 10, 2);
    int32_t displacement = scaled ? (int32_t)(bits(word, 10, 12) << shift) : signed_bits(word, 12, 9);

    if (!simd && size == 3 && does == 2) {  // PRFM
        is->class = CLASS_prefetch;
        operation_reads_base(is, base);
        return;
    }
    at(is, load ? ACCESS_LOAD : ACCESS_STORE, base, mode == 1 || mode == 6 ? 0 : displacement, bytes);
    is->access.whole = bytes <= 8;
    if (simd && bytes == 16)
        is->class = load ? CLASS_load_simd_128 : CLASS_store_simd_128;
    else if (simd)
        is->class = load ? CLASS_load_simd_64 : CLASS_store_simd_64;
    else
        is->class = load ? CLASS_load : CLASS_store;
    if (mode == 6) {  // an index register
        is->access.known = false;
        operation_reads(is, bits(word, 16, 5));
    }
    transfer(is, bits(word, 0, 5), simd);
    if (mode == 1 || mode == 3)
        write_back(is, displacement);
}

static void pair(uint32_t word, struct operation *is)
{
    static const uint8_t classes[2][3] = {
        {CLASS_store_pair, CLASS_store_simd_128, CLASS_store_pair_simd_128},
        {CLASS_load_pair, CLASS_load_pair_simd_64, CLASS_load_pair_simd_128},
    };
    unsigned size = bits(word, 30, 2), mode = bits(word, 23, 2);
    bool simd = bits(word, 26, 1), load = bits(word, 22, 1);
    unsigned bytes = simd ? 4u << size : size == 2 ? 8 : 4;
    int32_t displacement = signed_bits(word, 15, 7) * (int32_t)bytes;

    is->class = classes[load][!simd ? 0 : bytes == 16 ? 2 : 1];
    at(is, load ? ACCESS_LOAD : ACCESS_STORE, bits(word, 5, 5), mode == 1 ? 0 : displacement, 2 * bytes);
    transfer(is, bits(word, 0, 5), simd);
    transfer(is, bits(word, 10, 5), simd);
    if (mode == 1 || mode == 3)
        write_back(is, displacement);
}

// LD1 to LD4 and ST1 to ST4: a post-index by register makes the base unknown afterwards.
static void structures_write_back(uint32_t word, struct operation *is)
{
    unsigned index = bits(word, 16, 5);

    if (!bits(word, 23, 1))
        return;
    if (index != 31)
        operation_reads(is, index);
    if (index == 31)
        write_back(is, is->access.bytes);
    else
        operation_writes_base(is, is->access.base);
}

static unsigned multiple_class(bool load, bool whole_128, unsigned registers)
{
    static const uint8_t halves[] = {CLASS_load_simd_64, CLASS_load_pair_simd_64, CLASS_load_multi_2,
                                     CLASS_load_multi_2};

    if (!load)
        return CLASS_store_multi;
    return whole_128 ? CLASS_load_multi_1 + registers - 1 : halves[registers - 1];
}

static bool multiple_structures(uint32_t word, struct operation *is)
{
    // By bits 15..12: how many registers, and whether their elements are dealt out in turns.
    static const uint8_t registers[16] = {4, 0, 4, 0, 3, 0, 3, 1, 2, 0, 2};
    unsigned code = bits(word, 12, 4), count = registers[code], first = bits(word, 0, 5);
    bool load = bits(word, 22, 1), whole_128 = bits(word, 30, 1), dealt = code == 0 || code == 4 || code == 8;

    if (!count)
        return false;
    at(is, load ? ACCESS_LOAD : ACCESS_STORE, bits(word, 5, 5), 0, count * (whole_128 ? 16 : 8));
    is->class = (uint8_t)multiple_class(load, whole_128, count);
    if (load && dealt)
        is->class = CLASS_load_deinterleave;
    if (!load || dealt)
        is->times = (uint8_t)count;
    for (unsigned i = 0; i < count; i++)
        transfer(is, first + i, true);
    structures_write_back(word, is);
    return true;
}

static void single_structure(uint32_t word, struct operation *is)
{
    unsigned code = bits(word, 13, 3), first = bits(word, 0, 5), size = code >> 1;
    unsigned count = (code & 1) << 1 | bits(word, 21, 1);
    bool load = bits(word, 22, 1), all_lanes = size == 3;
    unsigned scale = all_lanes ? bits(word, 10, 2) : size == 2 && bits(word, 10, 1) ? 3 : size;

    count++;
    at(is, load ? ACCESS_LOAD : ACCESS_STORE, bits(word, 5, 5), 0, count << scale);
    is->access.whole = count == 1;
    is->class = !load ? CLASS_store_lane : all_lanes ? CLASS_load_dup : CLASS_load_lane;
    is->times = (uint8_t)count;
    for (unsigned i = 0; i < count; i++) {
        transfer(is, first + i, true);
        if (load && !all_lanes)
            operation_reads_simd(is, first + i);
    }
    structures_write_back(word, is);
}

static void literal(uint32_t word, struct operation *is)
{
    unsigned size = bits(word, 30, 2);
    bool simd = bits(word, 26, 1);

    if (!simd && size == 3) {
        is->class = CLASS_prefetch;
        return;
    }
    is->class = !simd ? CLASS_load : size == 2 ? CLASS_load_simd_128 : CLASS_load_simd_64;
    is->access = (struct memory_access){.kind = ACCESS_LOAD, .base = NO_REGISTER};
    is->access.bytes = (uint16_t)(simd ? 4u << size : size == 1 ? 8 : 4);
    is->access.whole = is->access.bytes <= 8;
    transfer(is, bits(word, 0, 5), simd);
}

// Exclusive, ordered and atomic accesses: read and written at an address in a register.
static void ordered(uint32_t word, struct operation *is, bool load)
{
    is->class = load ? CLASS_load : CLASS_store;
    at(is, load ? ACCESS_LOAD : ACCESS_STORE, bits(word, 5, 5), 0, 1u << bits(word, 30, 2));
    is->access.known = false;
    is->access.whole = true;
    operation_reads(is, bits(word, 16, 5));
    transfer(is, bits(word, 0, 5), false);
}

bool decode_memory(uint32_t word, struct operation *is)
{
    if (bits(word, 27, 1) != 1 || bits(word, 25, 1))
        return false;
    if ((word & 0xbfbf0000) == 0x0c000000 || (word & 0xbfa00000) == 0x0c800000)
        return multiple_structures(word, is);
    if ((word & 0xbf9f0000) == 0x0d000000 || (word & 0xbf800000) == 0x0d800000)
        single_structure(word, is);
    else if ((word & 0x3b000000) == 0x18000000)
        literal(word, is);
    else if ((word & 0x3a000000) == 0x28000000)
        pair(word, is);
    else if ((word & 0x3b200c00) == 0x38200000)
        ordered(word, is, true);
    else if ((word & 0x3a000000) == 0x38000000 && (bits(word, 24, 1) || !bits(word, 21, 1) || bits(word, 10, 2) == 2))
        one_register(word, is);
    else if ((word & 0x3f000000) == 0x08000000)
        ordered(word, is, bits(word, 22, 1));
    else
        return false;
    return true;
}
