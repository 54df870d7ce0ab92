#include "buffer.h"

#include "failure.h"
#include "platform.h"

#include <string.h>

enum { SMALLEST = 1 << 16 };

void buffer_reserve(struct buffer *buffer, size_t bytes)
{
    size_t capacity = buffer->capacity ? buffer->capacity : SMALLEST;
    char *grown;

    if (bytes <= buffer->capacity - buffer->used)
        return;
    while (capacity - buffer->used < bytes)
        capacity *= 2;
    grown = platform_grow(buffer->data, buffer->capacity, capacity);
    if (!grown)
        fail(EXIT_RUNTIME, "memory", NO_MODEL, "cannot have %zu bytes of memory", capacity);
    memset(grown + buffer->used, 0, capacity - buffer->used);
    buffer->data = grown;
    buffer->capacity = capacity;
}

void *buffer_append(struct buffer *buffer, const void *bytes, size_t count)
{
    buffer_reserve(buffer, count);
    char *place = buffer->data + buffer->used;

    memcpy(place, bytes, count);
    buffer->used += count;
    return place;
}
