// Preloaded into every program of the virtual phone: answers affinity, the current CPU, the wall clock and
// perf_event_open as the phone's kernel would. The host has other CPUs than the phone and knows none of it.

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

enum { SLOTS = 65536, NANOSECONDS = 1000000000 };

// The phone's file /phone/cpus; tests/phone/cpus.py writes it.
struct state {
    uint64_t possible, online, cpuset;
    int64_t wall_clock_shift_ns;
    uint64_t perf_event_errno;
    uint64_t stdout_noise_bytes, stderr_noise_bytes;
    // The monotonic clock goes so many times as fast since a moment: programs seem slower.
    uint64_t clock_rate;
    int64_t clock_rate_since_ns, clock_then_ns;
    uint64_t unused[502];
    uint64_t masks[SLOTS]; // of threads by number, 0: inherited
};

static struct state *state;

static long raw(long number, long a, long b, long c, long d, long e, long f)
{
    register long x8 __asm__("x8") = number;
    register long x0 __asm__("x0") = a;
    register long x1 __asm__("x1") = b;
    register long x2 __asm__("x2") = c;
    register long x3 __asm__("x3") = d;
    register long x4 __asm__("x4") = e;
    register long x5 __asm__("x5") = f;

    __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5) : "memory");
    return x0;
}

static long answer(long result)
{
    if (result >= 0 || result < -4095)
        return result;
    errno = (int)-result;
    return -1;
}

static struct state *attached(void)
{
    if (!state) {
        long file = raw(SYS_openat, AT_FDCWD, (long)"/phone/cpus", O_RDWR | O_CLOEXEC, 0, 0, 0);
        long at = file < 0 ? file : raw(SYS_mmap, 0, sizeof *state, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);

        if (file >= 0)
            raw(SYS_close, file, 0, 0, 0, 0, 0);
        if (at > 0 || at < -4095)
            state = (struct state *)at;
    }
    return state;
}

static uint64_t *slot(long thread)
{
    return &state->masks[thread % SLOTS];
}

// A new thread has its process's mask, a new process its parent's.
static uint64_t mask_of(long thread)
{
    uint64_t *own = slot(thread);

    if (!*own)
        *own = *slot(raw(SYS_getpid, 0, 0, 0, 0, 0, 0));
    if (!*own)
        *own = *slot(raw(SYS_getppid, 0, 0, 0, 0, 0, 0));
    if (!*own)
        *own = state->possible;
    // As Linux does when the last CPU of a mask goes: the mask is forgotten.
    if (!(*own & state->cpuset & state->online))
        *own = state->possible;
    return *own & state->cpuset & state->online;
}

static long this_thread(void)
{
    return raw(SYS_gettid, 0, 0, 0, 0, 0, 0);
}

static long set_affinity(long thread, size_t size, const void *mask)
{
    uint64_t wanted = 0;

    memcpy(&wanted, mask, size < sizeof wanted ? size : sizeof wanted);
    wanted &= state->possible & state->cpuset;
    if (!(wanted & state->online))
        return -EINVAL;
    *slot(thread ? thread : this_thread()) = wanted;
    return 0;
}

static long get_affinity(long thread, size_t size, void *mask)
{
    uint64_t current;

    if (size < sizeof current || size % sizeof current)
        return -EINVAL;
    current = mask_of(thread ? thread : this_thread());
    memcpy(mask, &current, sizeof current);
    return sizeof current;
}

// The threads of a program spread over the CPUs it may use, each staying on one.
static int cpu_of(long thread)
{
    uint64_t mask = mask_of(thread);

    for (int skip = (int)(thread % __builtin_popcountll(mask)); skip; skip--)
        mask &= mask - 1;
    return __builtin_ctzll(mask);
}

static long get_cpu(unsigned *cpu, unsigned *node)
{
    if (cpu)
        *cpu = (unsigned)cpu_of(this_thread());
    if (node)
        *node = 0;
    return 0;
}

static void write_noise(int file, uint64_t bytes)
{
    static const char line[] = "WARNING: linker: unused DT entry: something that nobody asked for\n";

    for (uint64_t written = 0; written < bytes; written += sizeof line - 1)
        raw(SYS_write, file, (long)line, sizeof line - 1, 0, 0, 0);
}

// What old linkers and vendors' libraries print into programs that were pushed, before their first line.
__attribute__((constructor)) static void make_noise(void)
{
    const char *program = (const char *)getauxval(AT_EXECFN);

    if (!program || strncmp(program, "/data/", 6) || !attached())
        return;
    write_noise(STDOUT_FILENO, state->stdout_noise_bytes);
    write_noise(STDERR_FILENO, state->stderr_noise_bytes);
}

EXPORT long syscall(long number, ...)
{
    long a[6];
    va_list arguments;

    va_start(arguments, number);
    for (int i = 0; i < 6; i++)
        a[i] = va_arg(arguments, long);
    va_end(arguments);
    if (attached()) {
        if (number == SYS_sched_setaffinity)
            return answer(set_affinity(a[0], (size_t)a[1], (const void *)a[2]));
        if (number == SYS_sched_getaffinity)
            return answer(get_affinity(a[0], (size_t)a[1], (void *)a[2]));
        if (number == SYS_getcpu)
            return get_cpu((unsigned *)a[0], (unsigned *)a[1]);
        if (number == SYS_perf_event_open)
            return answer(-(long)state->perf_event_errno);
    }
    return answer(raw(number, a[0], a[1], a[2], a[3], a[4], a[5]));
}

EXPORT int sched_setaffinity(pid_t thread, size_t size, const cpu_set_t *mask)
{
    return (int)syscall(SYS_sched_setaffinity, (long)thread, (long)size, (long)mask);
}

EXPORT int sched_getaffinity(pid_t thread, size_t size, cpu_set_t *mask)
{
    long bytes;

    memset(mask, 0, size);
    bytes = syscall(SYS_sched_getaffinity, (long)thread, (long)size, (long)mask);
    return bytes < 0 ? -1 : 0;
}

EXPORT int sched_getcpu(void)
{
    unsigned cpu = 0;

    return syscall(SYS_getcpu, (long)&cpu, 0L) < 0 ? -1 : (int)cpu;
}

EXPORT int getcpu(unsigned *cpu, unsigned *node)
{
    return (int)syscall(SYS_getcpu, (long)cpu, (long)node);
}

static int64_t told_time(clockid_t clock, int64_t now)
{
    if (clock == CLOCK_REALTIME)
        return now + state->wall_clock_shift_ns;
    if (clock == CLOCK_MONOTONIC && state->clock_rate > 1)
        return state->clock_then_ns + (now - state->clock_rate_since_ns) * (int64_t)state->clock_rate;
    return now;
}

EXPORT int clock_gettime(clockid_t clock, struct timespec *time)
{
    long result = raw(SYS_clock_gettime, clock, (long)time, 0, 0, 0, 0);

    if (!result && attached()) {
        int64_t now = told_time(clock, time->tv_sec * (int64_t)NANOSECONDS + time->tv_nsec);

        *time = (struct timespec){now / NANOSECONDS, now % NANOSECONDS};
    }
    return (int)answer(result);
}

EXPORT int gettimeofday(struct timeval *time, void *zone)
{
    struct timespec now;

    (void)zone;
    clock_gettime(CLOCK_REALTIME, &now);
    *time = (struct timeval){now.tv_sec, now.tv_nsec / 1000};
    return 0;
}

EXPORT time_t time(time_t *at)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    if (at)
        *at = now.tv_sec;
    return now.tv_sec;
}

// The host's kernel tells the host's CPUs in some files of /proc: a program reads copies that tell the phone's.
// Reads the file into `text` and returns an empty copy, or an error.
static long begin_copy(const char *path, char *text, size_t size)
{
    long source = raw(SYS_openat, AT_FDCWD, (long)path, O_RDONLY | O_CLOEXEC, 0, 0, 0);
    long length = source < 0 ? source : raw(SYS_read, source, (long)text, (long)size - 1, 0, 0, 0);

    if (source >= 0)
        raw(SYS_close, source, 0, 0, 0, 0, 0);
    if (length < 0)
        return length;
    text[length] = 0;
    return raw(SYS_memfd_create, (long)"copy", 0, 0, 0, 0, 0);
}

static int end_copy(long copy)
{
    raw(SYS_lseek, copy, 0, SEEK_SET, 0, 0, 0);
    return (int)copy;
}

static int open_status(void)
{
    char text[8192], *first, *next;
    long copy = begin_copy("/proc/self/status", text, sizeof text);
    uint64_t mask = mask_of(this_thread());

    if (copy < 0)
        return (int)answer(copy);
    first = strstr(text, "Cpus_allowed:");
    next = first ? strstr(first, "Mems_allowed:") : NULL;
    if (next) {
        dprintf((int)copy, "%.*sCpus_allowed:\t%02llx\nCpus_allowed_list:\t", (int)(first - text), text,
            (unsigned long long)mask);
        for (const char *comma = ""; mask; comma = ",") {
            dprintf((int)copy, "%s%d", comma, __builtin_ctzll(mask));
            mask &= mask - 1;
        }
        dprintf((int)copy, "\n%s", next);
    }
    return end_copy(copy);
}

// The 39th field is the CPU; the second, in parentheses, may hold spaces.
static int open_thread(const char *path, long thread)
{
    enum { CPU_FIELD = 39 };
    char text[2048], *at, *end;
    long copy = begin_copy(path, text, sizeof text);

    if (copy < 0)
        return (int)answer(copy);
    at = strrchr(text, ')');
    for (int field = 2; at && field < CPU_FIELD; field++)
        at = strchr(at + 1, ' ');
    end = at ? strchr(at + 1, ' ') : NULL;
    if (end)
        dprintf((int)copy, "%.*s %d%s", (int)(at - text), text, cpu_of(thread), end);
    return end_copy(copy);
}

EXPORT int open(const char *path, int flags, ...)
{
    int thread;
    char file[8];
    long mode;
    va_list arguments;

    va_start(arguments, flags);
    mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(arguments, int) : 0;
    va_end(arguments);
    if (attached() && (!strcmp(path, "/proc/self/status") || !strcmp(path, "proc/self/status")))
        return open_status();
    if (attached() && sscanf(path, "/proc/self/task/%d/%7s", &thread, file) == 2 && !strcmp(file, "stat"))
        return open_thread(path, thread);
    return (int)answer(raw(SYS_openat, AT_FDCWD, (long)path, flags, mode, 0, 0));
}

EXPORT int open64(const char *path, int flags, ...) __attribute__((alias("open")));
