#include "pmu.h"

#include "buffer.h"
#include "records.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__aarch64__) || defined(__arm__)
enum { CYCLES = 0x11, INSTRUCTIONS = 0x08, L1_REFILLS = 0x03, L2_REFILLS = 0x17 };
#endif

enum { PMU_COUNTERS = 3, MAX_WAYS = 3 };

// Ways to ask for a counter, the best first. `own`: of the core's own unit, where there are several kinds.
struct way {
    bool own;
    uint64_t config;
};

static const struct {
    const char *name;
    struct way ways[MAX_WAYS];
    int way_count;
} wanted[PMU_COUNTERS] = {
#if defined(__aarch64__) || defined(__arm__)
    {"cycles", {{true, CYCLES}, {false, PERF_COUNT_HW_CPU_CYCLES}}, 2},
    {"instructions", {{true, INSTRUCTIONS}, {false, PERF_COUNT_HW_INSTRUCTIONS}}, 2},
    {"cache_refills", {{true, L1_REFILLS}, {true, L2_REFILLS}, {false, PERF_COUNT_HW_CACHE_MISSES}}, 3},
#else
    {"cycles", {{true, PERF_COUNT_HW_CPU_CYCLES}, {false, PERF_COUNT_HW_CPU_CYCLES}}, 2},
    {"instructions", {{true, PERF_COUNT_HW_INSTRUCTIONS}, {false, PERF_COUNT_HW_INSTRUCTIONS}}, 2},
    {"cache_refills", {{true, PERF_COUNT_HW_CACHE_MISSES}, {false, PERF_COUNT_HW_CACHE_MISSES}}, 2},
#endif
};

struct reading {
    bool known;  // whether it could be read
    uint64_t enabled, running, value;
};

static int files[PMU_COUNTERS], kinds[PMU_COUNTERS], opened;  // kinds: places in `wanted`
static int refusals[PMU_COUNTERS];                            // the errno for each of `wanted`, 0: it is open
static bool grouped;
static struct buffer kept;  // one value of each open counter per inference
static struct reading before[PMU_COUNTERS], after[PMU_COUNTERS];
static char error[320];  // what is told of counters that are not there

static const char units[] = "/sys/bus/event_source/devices";

struct search {
    int cpu;
    int64_t type;
};

// A list such as `0-3,7`.
static bool lists(const char *text, int cpu)
{
    for (char *end; *text; text = *end == ',' ? end + 1 : "") {
        long first = strtol(text, &end, 10), last = first;

        if (end == text)
            return false;
        if (*end == '-')
            last = strtol(end + 1, &end, 10);
        if (first <= cpu && cpu <= last)
            return true;
    }
    return false;
}

static void look_at_unit(const char *name, void *context)
{
    struct search *search = context;
    char path[320], cpus[256];

    snprintf(path, sizeof path, "%s/%s/cpus", units, name);
    if (!platform_read_text(path, cpus, sizeof cpus) || !lists(cpus, search->cpu))
        return;
    snprintf(path, sizeof path, "%s/%s/type", units, name);
    search->type = platform_read_integer(path);
}

// Cores of several kinds have units of their own, and a counter of the wrong one stands still.
static int64_t unit_of(int cpu)
{
    struct search search = {cpu, -1};

    platform_each_entry(units, look_at_unit, &search);
    return search.type;
}

// The only CPU this may run on; below zero: there are several.
static int only_cpu(void)
{
    int cpus[MAX_CPUS];

    return platform_get_affinity(cpus) == 1 ? cpus[0] : -1;
}

// A counter that follows its thread to every CPU is taken by the unit that is asked first, one of a
// CPU only by that CPU's unit.
static int open_counter(const struct way *way, int64_t unit, int cpu, int leader)
{
    struct perf_event_attr asked = {
        .type = PERF_TYPE_HARDWARE,
        .size = sizeof asked,
        .config = way->config,
        .read_format = PERF_FORMAT_TOTAL_TIME_ENABLED | PERF_FORMAT_TOTAL_TIME_RUNNING,
        .exclude_kernel = 1,
        .exclude_hv = 1,
        .inherit = !grouped,
    };

    if (grouped)
        asked.read_format |= PERF_FORMAT_GROUP;
#if defined(__aarch64__) || defined(__arm__)
    if (way->own)
        asked.type = (uint32_t)unit;
#else
    if (way->own)
        asked.config |= (uint64_t)unit << 32;
#endif
    return (int)syscall(SYS_perf_event_open, &asked, 0, cpu, leader, 0l);
}

static void open_all(int64_t unit, int cpu)
{
    for (int i = 0; i < PMU_COUNTERS; i++) {
        int file = -1;

        for (int w = 0; w < wanted[i].way_count && file < 0; w++)
            if (unit >= 0 || !wanted[i].ways[w].own)
                file = open_counter(&wanted[i].ways[w], unit, cpu, grouped && opened ? files[0] : -1);
        refusals[i] = file < 0 ? errno : 0;
        if (file >= 0) {
            files[opened] = file;
            kinds[opened++] = i;
        }
    }
}

static const char *name_of(int counter)
{
    return wanted[kinds[counter]].name;
}

static void read_group(struct reading *readings)
{
    uint64_t words[3 + PMU_COUNTERS] = {0};  // how many, time enabled, time running, values

    bool known = read(files[0], words, sizeof words) >= (ssize_t)((3 + (size_t)opened) * sizeof *words);

    for (int i = 0; i < opened; i++)
        readings[i] = (struct reading){known, words[1], words[2], words[3 + i]};
}

static void read_each(struct reading *readings)
{
    for (int i = 0; i < opened; i++) {
        uint64_t words[3] = {0};  // value, time enabled, time running
        bool known = read(files[i], words, sizeof words) == sizeof words;

        readings[i] = (struct reading){known, words[1], words[2], words[0]};
    }
}

static void read_all(struct reading *readings)
{
    if (!opened)
        return;
    if (grouped)
        read_group(readings);
    else
        read_each(readings);
}

__attribute__((format(printf, 1, 2))) static void tell(const char *format, ...)
{
    size_t used = strlen(error);
    va_list list;

    va_start(list, format);
    vsnprintf(error + used, sizeof error - used, format, list);
    va_end(list);
}

static void tell_refused(void)
{
    int64_t paranoid = platform_read_integer("/proc/sys/kernel/perf_event_paranoid");
    int latest = 0;

    for (int i = 0; i < PMU_COUNTERS; i++) {
        if (refusals[i] && refusals[i] == latest)
            tell(", %s", wanted[i].name);
        else if (refusals[i])
            tell("%s%s for %s", latest ? "; " : "perf_event_open: ", strerror(refusals[i]), wanted[i].name);
        latest = refusals[i] ? refusals[i] : latest;
    }
    if (latest && paranoid >= 0)
        tell("; perf_event_paranoid is %d", (int)paranoid);
}

// Those of another kind of core, and those that found no place among the core's counters.
static void tell_idle(void)
{
    const char *before_name = *error ? "; not counting at the start: " : "not counting at the start: ";

    read_all(after);
    for (int i = 0; i < opened; i++) {
        if (after[i].known && after[i].running)
            continue;
        tell("%s%s", before_name, name_of(i));
        before_name = ", ";
    }
}

static void write_state(void)
{
    record_begin("pmu");
    record_list_begin("counters");
    for (int i = 0; i < opened; i++)
        record_text(NULL, name_of(i));
    record_list_end();
    record_text("error", *error ? error : NULL);
    record_end();
}

void pmu_init(const struct options *options)
{
    int cpu = only_cpu(), first = options->cpu_count ? options->cpus[0] : platform_current_cpu();

    if (!options->pmu || options->mode != MODE_TIME)
        return;
    // A group is read at once, but cannot follow the threads that the library makes.
    grouped = options->threads == 1;
    open_all(unit_of(cpu < 0 ? first : cpu), cpu);
    tell_refused();
    tell_idle();
    write_state();
}

void pmu_begin(void)
{
    read_all(before);
}

void pmu_end(void)
{
    read_all(after);
}

static int64_t value_of(int counter)
{
    const struct reading *first = &before[counter], *last = &after[counter];
    uint64_t running = last->running - first->running;

    if (!first->known || !last->known || !running || running != last->enabled - first->enabled)
        return -1;
    return (int64_t)(last->value - first->value);
}

void pmu_restart(void)
{
    kept.used = 0;
}

void pmu_keep(void)
{
    for (int i = 0; i < opened; i++)
        buffer_append(&kept, &(int64_t){value_of(i)}, sizeof(int64_t));
}

void pmu_write(size_t first, size_t count)
{
    const int64_t *values = (const int64_t *)kept.data;

    if (!opened)
        return;
    record_object_begin("pmu");
    for (int i = 0; i < opened; i++) {
        record_list_begin(name_of(i));
        for (size_t at = first; at < first + count; at++)
            record_integer(NULL, values[at * (size_t)opened + (size_t)i]);
        record_list_end();
    }
    record_object_end();
}
