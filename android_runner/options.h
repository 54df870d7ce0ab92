// The options file: one key=value a line (docs/runner-protocol.md lists the keys).
#pragma once

#include "parse.h"
#include "platform.h"
#include "protocol.h"

#include <stdbool.h>
#include <stdint.h>

enum { MAX_NAMED = 256, MAX_THERMAL = 16 };

struct named_file {
    const char *name;
    const char *path;
};

struct named_shape {
    const char *name;
    int rank;
    int32_t dimensions[MAX_RANK];
};

struct thermal_zone {
    const char *path;
    int64_t unit;  // of the file's numbers, in thousandths of a degree
};

struct options {
    const char *library;
    const char *models[MAX_MODELS];
    int model_count;
    const char *signature;
    const char *kernel_mode;  // as the inference library spells it
    int64_t threads;
    int64_t xnnpack_flags;  // below zero: unset
    const char *weight_cache;
    int cpus[MAX_CPUS];
    int cpu_count;
    struct named_file inputs[MAX_NAMED];
    int input_count;
    struct named_shape shapes[MAX_NAMED];
    int shape_count;
    int64_t seed;
    enum mode mode;
    bool variants[VARIANTS];
    int64_t warmup_ms, warmup_min;
    int64_t block_ms, block_min, block_max;
    int64_t discard;
    int64_t fill;
    int64_t profiled_max;
    int64_t profiled_every;
    double seconds;
    int64_t blocks;
    const char *counter_page;
    enum counter counters[COUNTERS];
    int counter_count;
    int64_t max_inferences;
    int64_t agree_ppm;
    int64_t plain_max;  // 0: no limit
    int64_t guest_cpu;    // below zero: unset
    const char *cpuinfo;  // NULL: unset
    uint64_t hwcap, hwcap2;
    bool has_hwcap, has_hwcap2;
    bool watch_stdin;
    struct thermal_zone thermal[MAX_THERMAL];
    int thermal_count;
    int64_t chain, pmu, workers;
    int64_t period_us;  // 0: inferences follow each other
};

// Fails with EXIT_OPTIONS, naming the line.
const struct options *options_read(const char *path);
