// A growing piece of memory outside the heap.
#pragma once

#include <stddef.h>

struct buffer {
    char *data;
    size_t used;
    size_t capacity;
};

// Makes room for `bytes` more and touches them, so that writing them later faults no page.
void buffer_reserve(struct buffer *buffer, size_t bytes);

// Appends; the copy is at the returned address until the buffer grows again.
void *buffer_append(struct buffer *buffer, const void *bytes, size_t count);
