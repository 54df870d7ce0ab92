#include "inputs.h"

#include "elements.h"
#include "failure.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

uint64_t splitmix64(uint64_t *state)
{
    uint64_t mixed = *state += 0x9e3779b97f4a7c15u;

    mixed = (mixed ^ mixed >> 30) * 0xbf58476d1ce4e5b9u;
    mixed = (mixed ^ mixed >> 27) * 0x94d049bb133111ebu;
    return mixed ^ mixed >> 31;
}

// 24 bits of the draw in [-1, 1): exact in a float.
static float unit(uint64_t draw)
{
    return (float)(draw >> 40) / (1 << 24) * 2 - 1;
}

static uint32_t float_bits(float value)
{
    uint32_t bits;

    memcpy(&bits, &value, sizeof bits);
    return bits;
}

// Drops the low `count` bits, rounding to nearest, ties to even.
static uint32_t drop_bits(uint32_t bits, int count)
{
    uint32_t half = 1u << (count - 1);

    return (bits + half - 1 + (bits >> count & 1)) >> count;
}

static uint16_t to_bfloat16(float value)
{
    return (uint16_t)drop_bits(float_bits(value), 16);
}

// For magnitudes of at most 1, so there is nothing to overflow.
static uint16_t to_float16(float value)
{
    uint32_t bits = float_bits(value), sign = bits >> 31 << 15;
    int exponent = (int)(bits >> 23 & 0xff) - 127;
    uint32_t mantissa = bits & 0x7fffff;

    if (exponent >= -14)
        return (uint16_t)(sign | drop_bits((uint32_t)(exponent + 15) << 23 | mantissa, 13));
    if (exponent < -25)
        return (uint16_t)sign;
    return (uint16_t)(sign | drop_bits(mantissa | 0x800000, 13 - 14 - exponent));
}

// One draw becomes one element; returns its size.
static size_t random_element(uint64_t draw, int type, unsigned char *element)
{
    float real = unit(draw);
    double wide = real;
    uint64_t whole = draw;
    uint16_t narrow = type == ELEMENT_FLOAT16 ? to_float16(real) : to_bfloat16(real);
    const void *value = &whole;
    size_t size = (size_t)element_bits(type) / 8;

    switch (type) {
    case ELEMENT_FLOAT32:
        value = &real;
        break;
    case ELEMENT_COMPLEX64:  // real and imaginary part have a draw each
        value = &real;
        size = sizeof real;
        break;
    case ELEMENT_FLOAT64:
        value = &wide;
        break;
    case ELEMENT_FLOAT16:
    case ELEMENT_BFLOAT16:
        value = &narrow;
        break;
    case ELEMENT_INT32:
    case ELEMENT_INT64:
    case ELEMENT_UINT32:
    case ELEMENT_UINT64:
        whole = draw % 10;
        break;
    case ELEMENT_BOOL:
        whole = draw & 1;
        break;
    case ELEMENT_INT4:
    case ELEMENT_UINT4:
    case ELEMENT_INT2:
        size = 1;
        break;
    default:  // 8 and 16 bit integers: the low bits
        break;
    }
    memcpy(element, value, size);
    return size;
}

bool inputs_can_be_random(int type)
{
    return element_bits(type) > 0 && type != ELEMENT_COMPLEX128;
}

void inputs_random(uint64_t seed, int type, void *data, size_t bytes)
{
    unsigned char *place = data, element[8];

    for (size_t done = 0; done < bytes;) {
        size_t size = random_element(splitmix64(&seed), type, element);

        size = size < bytes - done ? size : bytes - done;
        memcpy(place + done, element, size);
        done += size;
    }
}

void inputs_read(const char *path, int model, const char *name, void *data, size_t bytes)
{
    int file = open(path, O_RDONLY | O_CLOEXEC);
    size_t used = 0;
    ssize_t got = file < 0 ? -1 : 1;
    char excess;

    while (got > 0 && used < bytes) {
        got = read(file, (char *)data + used, bytes - used);
        used += got > 0 ? (size_t)got : 0;
    }
    if (got >= 0 && used == bytes && (got = read(file, &excess, 1)) == 0) {
        close(file);
        return;
    }
    if (got < 0)
        fail(EXIT_RUNTIME, "input", model, "%s for %s: %s", path, name, strerror(errno));
    fail(EXIT_RUNTIME, "input", model, "%s is %s than the %zu bytes of %s", path,
         used < bytes ? "shorter" : "longer", bytes, name);
}
