#include "options.h"

#include "failure.h"
#include "parse.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { MAX_BYTES = 1 << 17 };

static struct options options = {
    .kernel_mode = "delegate",
    .threads = 1,
    .xnnpack_flags = -1,
    .variants = {true, true},
    .warmup_ms = 200,
    .warmup_min = 3,
    .block_ms = 50,
    .block_min = 1,
    .block_max = 500,
    .profiled_every = 1,
    .seconds = 5,
    .max_inferences = 20,
    .guest_cpu = -1,
};

// Names stay in this text for the life of the process.
static char text[MAX_BYTES + 1];

// Each setter returns what is wrong with the value, or NULL.
typedef const char *setter(char *value);

static const char *set_model(char *value)
{
    if (options.model_count == MAX_MODELS)
        return "is one model too many";
    options.models[options.model_count++] = value;
    return NULL;
}

static const char *set_kernels(char *value)
{
    if (!strcmp(value, "xnnpack"))
        options.kernel_mode = "delegate";
    else if (!strcmp(value, "builtin") || !strcmp(value, "reference"))
        options.kernel_mode = value;
    else
        return "is none of xnnpack, builtin, reference";
    return NULL;
}

static const char *set_mode(char *value)
{
    if (strcmp(value, "time") && strcmp(value, "count"))
        return "is none of time, count";
    options.mode = strcmp(value, "time") ? MODE_COUNT : MODE_TIME;
    return NULL;
}

static const char *set_variants(char *value)
{
    options.variants[PLAIN] = options.variants[PROFILED] = false;
    for (char *name = strtok(value, ","); name; name = strtok(NULL, ",")) {
        if (strcmp(name, "plain") && strcmp(name, "profiled"))
            return "holds a variant that is none of plain, profiled";
        options.variants[strcmp(name, "plain") ? PROFILED : PLAIN] = true;
    }
    return options.variants[PLAIN] || options.variants[PROFILED] ? NULL : "names no variant";
}

static const char *set_counter(char *value)
{
    static const char *const names[COUNTERS] = {"instructions", "cycles", "dram_lines"};
    int counter = 0;

    while (counter < COUNTERS && strcmp(value, names[counter]))
        counter++;
    if (counter == COUNTERS)
        return "is none of instructions, cycles, dram_lines";
    for (int i = 0; i < options.counter_count; i++)
        if (options.counters[i] == (enum counter)counter)
            return "is there twice";
    options.counters[options.counter_count++] = (enum counter)counter;
    return NULL;
}

static const char *set_cpus(char *value)
{
    for (char *item = strtok(value, ","); item; item = strtok(NULL, ",")) {
        int64_t cpu;

        if (parse_integer(item, &cpu) || cpu < 0 || cpu >= MAX_CPUS)
            return "holds something that is no CPU number";
        if (options.cpu_count == MAX_CPUS)
            return "names too many CPUs";
        options.cpus[options.cpu_count++] = (int)cpu;
    }
    return options.cpu_count ? NULL : "names no CPU";
}

static const char *set_input(char *value)
{
    char *path = split_name(value);

    if (!path)
        return "is not NAME=FILE";
    if (options.input_count == MAX_NAMED)
        return "is one input too many";
    options.inputs[options.input_count++] = (struct named_file){value, path};
    return NULL;
}

static const char *set_shape(char *value)
{
    char *dimensions = split_name(value);
    struct named_shape *shape = &options.shapes[options.shape_count];

    if (!dimensions)
        return "is not NAME=DIMENSIONS";
    if (options.shape_count++ == MAX_NAMED)
        return "is one shape too many";
    shape->name = value;
    return parse_dimensions(dimensions, shape->dimensions, &shape->rank);
}

static const char *set_seconds(char *value)
{
    return parse_seconds(value, &options.seconds);
}

static const char *set_hwcap(char *value)
{
    options.has_hwcap = true;
    return parse_hex(value, &options.hwcap);
}

static const char *set_hwcap2(char *value)
{
    options.has_hwcap2 = true;
    return parse_hex(value, &options.hwcap2);
}

static const char *set_thermal(char *value)
{
    char *star = strrchr(value, '*');
    int64_t unit = 1;

    if (star && (star == value || parse_integer(star + 1, &unit) || unit < 1 || unit > 1000))
        return "is neither FILE nor FILE*UNIT with a unit within 1 and 1000";
    if (options.thermal_count == MAX_THERMAL)
        return "is one thermal zone too many";
    if (star)
        *star = '\0';
    options.thermal[options.thermal_count++] = (struct thermal_zone){value, unit};
    return NULL;
}

static const char *set_watch_stdin(char *value)
{
    options.watch_stdin = !strcmp(value, "1");
    return options.watch_stdin || !strcmp(value, "0") ? NULL : "is neither 0 nor 1";
}

// A key has a setter, or is a text, or is an integer within bounds.
static const struct key {
    const char *name;
    setter *set;
    const char **text;
    int64_t *integer, least, most;
} keys[] = {
    {.name = "library", .text = &options.library},
    {.name = "model", .set = set_model},
    {.name = "signature", .text = &options.signature},
    {.name = "kernels", .set = set_kernels},
    {.name = "threads", .integer = &options.threads, .least = 1, .most = 1024},
    {.name = "xnnpack_flags", .integer = &options.xnnpack_flags, .most = UINT32_MAX},
    {.name = "weight_cache", .text = &options.weight_cache},
    {.name = "cpus", .set = set_cpus},
    {.name = "input", .set = set_input},
    {.name = "shape", .set = set_shape},
    {.name = "seed", .integer = &options.seed, .most = INT64_MAX},
    {.name = "mode", .set = set_mode},
    {.name = "variants", .set = set_variants},
    {.name = "warmup_ms", .integer = &options.warmup_ms, .most = INT32_MAX},
    {.name = "warmup_min", .integer = &options.warmup_min, .most = INT32_MAX},
    {.name = "block_ms", .integer = &options.block_ms, .most = INT32_MAX},
    {.name = "block_min", .integer = &options.block_min, .least = 1, .most = 1000000},
    {.name = "block_max", .integer = &options.block_max, .least = 1, .most = 1000000},
    {.name = "discard", .integer = &options.discard, .most = INT32_MAX},
    {.name = "profiled_max", .integer = &options.profiled_max, .most = 1000000},
    {.name = "fill", .integer = &options.fill, .most = 1},
    {.name = "profiled_every", .integer = &options.profiled_every, .least = 1, .most = INT32_MAX},
    {.name = "seconds", .set = set_seconds},
    {.name = "blocks", .integer = &options.blocks, .most = INT32_MAX},
    {.name = "counter_page", .text = &options.counter_page},
    {.name = "counter", .set = set_counter},
    {.name = "max_inferences", .integer = &options.max_inferences, .least = 2, .most = 1000000},
    {.name = "agree_ppm", .integer = &options.agree_ppm, .most = 1000000},
    {.name = "plain_max", .integer = &options.plain_max, .most = INT64_MAX},
    {.name = "guest_cpu", .integer = &options.guest_cpu, .most = MAX_CPUS - 1},
    {.name = "cpuinfo", .text = &options.cpuinfo},
    {.name = "hwcap", .set = set_hwcap},
    {.name = "hwcap2", .set = set_hwcap2},
    {.name = "watch_stdin", .set = set_watch_stdin},
    {.name = "thermal", .set = set_thermal},
    {.name = "chain", .integer = &options.chain, .most = 1},
    {.name = "pmu", .integer = &options.pmu, .most = 1},
    {.name = "workers", .integer = &options.workers, .most = 1},
    {.name = "period_us", .integer = &options.period_us, .most = 1000000000},
};

static const char *set_key(const struct key *key, char *value)
{
    static char bounds[80];
    const char *wrong;

    if (!*value)
        return "is empty";
    if (key->set)
        return key->set(value);
    if (key->text) {
        *key->text = value;
        return NULL;
    }
    wrong = parse_integer(value, key->integer);
    if (!wrong && (*key->integer < key->least || *key->integer > key->most)) {
        snprintf(bounds, sizeof bounds, "is not within %" PRId64 " and %" PRId64, key->least, key->most);
        return bounds;
    }
    return wrong;
}

static void read_line(char *line, int number)
{
    char *value = strchr(line, '=');
    char given[256];
    const char *wrong;

    if (!*line || *line == '#')
        return;
    if (!value)
        fail(EXIT_OPTIONS, "options", NO_MODEL, "line %d: `%.200s` is not key=value", number, line);
    *value++ = '\0';
    snprintf(given, sizeof given, "%s", value);  // the setters cut the value up
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        if (strcmp(keys[i].name, line))
            continue;
        wrong = set_key(&keys[i], value);
        if (wrong)
            fail(EXIT_OPTIONS, "options", NO_MODEL, "line %d: %s: `%s` %s", number, line, given, wrong);
        return;
    }
    fail(EXIT_OPTIONS, "options", NO_MODEL, "line %d: unknown key `%.200s`", number, line);
}

static void read_text(const char *path)
{
    int file = open(path, O_RDONLY | O_CLOEXEC);
    size_t used = 0;
    ssize_t got = file < 0 ? -1 : 0;

    while (file >= 0 && (got = read(file, text + used, sizeof text - used)) > 0)
        used += (size_t)got;
    if (got < 0)
        fail(EXIT_OPTIONS, "options", NO_MODEL, "cannot read %s: %s", path, strerror(errno));
    if (used > MAX_BYTES)
        fail(EXIT_OPTIONS, "options", NO_MODEL, "%s is longer than %d bytes", path, MAX_BYTES);
    if (memchr(text, '\0', used))
        fail(EXIT_OPTIONS, "options", NO_MODEL, "%s holds a zero byte", path);
    close(file);
}

static void check_together(void)
{
    const char *wrong = NULL;

    if (!options.library)
        wrong = "`library` is missing";
    else if (!options.model_count)
        wrong = "`model` is missing";
    else if (options.block_min > options.block_max)
        wrong = "`block_min` is more than `block_max`";
    else if (options.mode == MODE_COUNT && !options.counter_page)
        wrong = "`mode=count` needs `counter_page`";
    else if (options.mode == MODE_COUNT && options.period_us)
        wrong = "`period_us` needs `mode=time`";
    else if (options.counter_count > 1 && options.threads > 1)
        wrong = "several of `counter` need `threads=1`";
    else if (options.plain_max && !options.agree_ppm)
        wrong = "`plain_max` needs `agree_ppm`";
    if (wrong)
        fail(EXIT_OPTIONS, "options", NO_MODEL, "%s", wrong);
    if (!options.counter_count)
        options.counters[options.counter_count++] = COUNTER_INSTRUCTIONS;
}

const struct options *options_read(const char *path)
{
    char *line = text;

    read_text(path);
    for (int number = 1; line; number++) {
        char *end = strchr(line, '\n');

        if (end)
            *end = '\0';
        read_line(line, number);
        line = end ? end + 1 : NULL;
    }
    check_together();
    return &options;
}
