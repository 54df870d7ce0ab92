#include "elements.h"

#include <stdbool.h>

static const struct {
    const char *name;
    int bits;
} types[] = {
    [ELEMENT_FLOAT32] = {"float32", 32},     [ELEMENT_INT32] = {"int32", 32},
    [ELEMENT_UINT8] = {"uint8", 8},          [ELEMENT_INT64] = {"int64", 64},
    [ELEMENT_STRING] = {"string", 0},        [ELEMENT_BOOL] = {"bool", 8},
    [ELEMENT_INT16] = {"int16", 16},         [ELEMENT_COMPLEX64] = {"complex64", 64},
    [ELEMENT_INT8] = {"int8", 8},            [ELEMENT_FLOAT16] = {"float16", 16},
    [ELEMENT_FLOAT64] = {"float64", 64},     [ELEMENT_COMPLEX128] = {"complex128", 128},
    [ELEMENT_UINT64] = {"uint64", 64},       [ELEMENT_RESOURCE] = {"resource", 0},
    [ELEMENT_VARIANT] = {"variant", 0},      [ELEMENT_UINT32] = {"uint32", 32},
    [ELEMENT_UINT16] = {"uint16", 16},       [ELEMENT_INT4] = {"int4", 4},
    [ELEMENT_BFLOAT16] = {"bfloat16", 16},   [ELEMENT_INT2] = {"int2", 2},
    [ELEMENT_UINT4] = {"uint4", 4},
};

static bool known(int element)
{
    return element > 0 && element < (int)(sizeof types / sizeof *types) && types[element].name;
}

const char *element_name(int element)
{
    return known(element) ? types[element].name : "unknown";
}

int element_bits(int element)
{
    return known(element) ? types[element].bits : 0;
}
