// Element types of tensors, which LiteRT and TensorFlow Lite number alike.
#pragma once

enum element {
    ELEMENT_FLOAT32 = 1,
    ELEMENT_INT32 = 2,
    ELEMENT_UINT8 = 3,
    ELEMENT_INT64 = 4,
    ELEMENT_STRING = 5,
    ELEMENT_BOOL = 6,
    ELEMENT_INT16 = 7,
    ELEMENT_COMPLEX64 = 8,
    ELEMENT_INT8 = 9,
    ELEMENT_FLOAT16 = 10,
    ELEMENT_FLOAT64 = 11,
    ELEMENT_COMPLEX128 = 12,
    ELEMENT_UINT64 = 13,
    ELEMENT_RESOURCE = 14,
    ELEMENT_VARIANT = 15,
    ELEMENT_UINT32 = 16,
    ELEMENT_UINT16 = 17,
    ELEMENT_INT4 = 18,
    ELEMENT_BFLOAT16 = 19,
    ELEMENT_INT2 = 20,
    ELEMENT_UINT4 = 21,
};

const char *element_name(int element);

// Bits of one element; 0 for types without a fixed size.
int element_bits(int element);
