#include "operation.h"

static const char *const NAMES[] = {
#define CLASS_NAME(name) #name,
    OPERATION_CLASSES(CLASS_NAME)
#undef CLASS_NAME
};

const char *operation_class_name(enum operation_class class)
{
    return NAMES[class];
}

static void reads(struct operation *operation, unsigned number)
{
    if (operation->source_count < MOST_SOURCES)
        operation->sources[operation->source_count++] = (uint8_t)number;
}

static void writes(struct operation *operation, unsigned number)
{
    if (operation->result_count < MOST_RESULTS)
        operation->results[operation->result_count++] = (uint8_t)number;
}

void operation_reads(struct operation *operation, unsigned general)
{
    if (general != 31)
        reads(operation, general);
}

void operation_reads_base(struct operation *operation, unsigned general_or_sp)
{
    reads(operation, general_or_sp);
}

void operation_reads_simd(struct operation *operation, unsigned simd)
{
    reads(operation, REGISTER_SIMD + simd % 32);
}

void operation_reads_flags(struct operation *operation)
{
    reads(operation, REGISTER_FLAGS);
}

void operation_writes(struct operation *operation, unsigned general)
{
    if (general != 31)
        writes(operation, general);
}

void operation_writes_base(struct operation *operation, unsigned general_or_sp)
{
    writes(operation, general_or_sp);
}

void operation_writes_simd(struct operation *operation, unsigned simd)
{
    writes(operation, REGISTER_SIMD + simd % 32);
}

void operation_writes_flags(struct operation *operation)
{
    writes(operation, REGISTER_FLAGS);
}
