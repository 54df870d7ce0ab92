// Performance counters by script: FAKE_PERF is `refuse=ERRNO`, `only=N` (so many can be opened), `step=N`,
// `idle=1` (the counters do not run all the time), `kinds=1` (they run only if opened for the CPU that they are read
// on) and `lose=N` (every Nth read fails), joined by `;`. Without it there are none to be had.
// Linked with --wrap=syscall and --wrap=read.
#include <errno.h>
#include <fcntl.h>
#include <linux/perf_event.h>
#include <sched.h>
#include <stdbool.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

long __real_syscall(long number, ...);
ssize_t __real_read(int file, void *data, size_t size);
long __wrap_syscall(long number, ...);
ssize_t __wrap_read(int file, void *data, size_t size);

enum { COUNTERS = 3 };

static int files[COUNTERS], opened, counted_cpu;
static uint64_t format, reads;

static int number_of(const char *name, int otherwise)
{
    const char *script = getenv("FAKE_PERF"), *at = script ? strstr(script, name) : NULL;

    return at ? atoi(at + strlen(name) + 1) : otherwise;
}

static long open_counter(const struct perf_event_attr *asked, int cpu, int leader)
{
    if (!getenv("FAKE_PERF") || number_of("refuse", 0)) {
        errno = number_of("refuse", ENOENT);
        return -1;
    }
    // Threads made later are not counted by groups.
    if (opened == number_of("only", COUNTERS) || (asked->inherit && leader >= 0)) {
        errno = EINVAL;
        return -1;
    }
    format = asked->read_format;
    counted_cpu = cpu;
    files[opened] = open("/dev/null", O_RDONLY | O_CLOEXEC);
    return files[opened++];
}

// It reads six arguments, however many there are.
__attribute__((no_sanitize("address"))) long __wrap_syscall(long number, ...)
{
    long arguments[6];
    va_list list;

    va_start(list, number);
    for (int i = 0; i < 6; i++)
        arguments[i] = va_arg(list, long);
    va_end(list);
    if (number == SYS_perf_event_open)
        return open_counter((const struct perf_event_attr *)arguments[0], (int)arguments[2],
                            (int)arguments[3]);
    return __real_syscall(number, arguments[0], arguments[1], arguments[2], arguments[3], arguments[4],
                          arguments[5]);
}

static ssize_t read_counter(int counter, uint64_t *words)
{
    uint64_t step = (uint64_t)number_of("step", 100), enabled = reads * 1000;
    bool elsewhere = number_of("kinds", 0) && counted_cpu != sched_getcpu();
    uint64_t running = elsewhere ? 0 : number_of("idle", 0) ? reads * 900 : enabled;

    if (!(format & PERF_FORMAT_GROUP)) {
        memcpy(words, (uint64_t[]){reads * step + (uint64_t)counter, enabled, running}, 24);
        return 24;
    }
    memcpy(words, (uint64_t[]){(uint64_t)opened, enabled, running}, 24);
    for (int i = 0; i < opened; i++)
        words[3 + i] = reads * step * (uint64_t)(i + 1);
    return 24 + 8 * opened;
}

ssize_t __wrap_read(int file, void *data, size_t size)
{
    for (int i = 0; i < opened; i++)
        if (files[i] == file) {
            reads++;
            if (number_of("lose", 0) && reads % (uint64_t)number_of("lose", 0) == 0) {
                errno = EIO;
                return -1;
            }
            return read_counter(i, data);
        }
    return __real_read(file, data, size);
}
