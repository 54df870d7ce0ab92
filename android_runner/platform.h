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

struct thread_core {
    int thread;
    int core;  // where it ran last
};

// Fills `threads` with at most `most` threads of this process and returns how many.
int platform_threads(struct thread_core *threads, int most);

// Asks for wake-ups as exact as they can be.
void platform_exact_timers(void);

// Sleeps until a time of CLOCK_MONOTONIC, or until a signal.
void platform_sleep_until(uint64_t ns);

// The beginning of a file as text; whether it could be read.
bool platform_read_text(const char *path, char *text, size_t size);

int64_t platform_read_integer(const char *path);

// Calls `visit` with the name of every entry of a directory.
void platform_each_entry(const char *path, void (*visit)(const char *name, void *context), void *context);

// Writes to standard error, for humans.
void platform_tell(const char *text);

// Memory that never touches the heap, so that the heap the inference library
// sees does not depend on the runner. Grows in place or moves; NULL when refused.
void *platform_grow(void *data, size_t old_bytes, size_t new_bytes);
