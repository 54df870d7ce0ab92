// The seam to the operating system: one file per platform implements it.
// An unknown quantity is -1.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MAX_CPUS = 1024 };

extern const char platform_name[];

struct memory_use {
    int64_t peak_bytes;
    int64_t current_bytes;
};

// Returns 0 or the errno of the refusal.
int platform_set_affinity(const int *cpus, int count);

// Fills `cpus` with at most MAX_CPUS CPU numbers and returns how many.
int platform_get_affinity(int *cpus);

int platform_current_cpu(void);

int64_t platform_cpu_khz(int cpu);

struct memory_use platform_memory_use(void);

int64_t platform_involuntary_switches(void);

// Memory that never touches the heap, so that the heap the inference library
// sees does not depend on the runner. Grows in place or moves; NULL when refused.
void *platform_grow(void *data, size_t old_bytes, size_t new_bytes);
