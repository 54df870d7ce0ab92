#include "platform.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#ifdef __ANDROID__
#define SYSTEM "android"
#else
#define SYSTEM "linux"
#endif

#if defined(__x86_64__)
const char platform_name[] = SYSTEM "-x86_64";
#elif defined(__aarch64__)
const char platform_name[] = SYSTEM "-aarch64";
#elif defined(__arm__) && defined(__ANDROID__)
const char platform_name[] = SYSTEM "-armv7";
#else
#error "no name for this platform"
#endif

enum { WORD_BITS = 8 * sizeof(unsigned long) };

// The kernel refuses a mask smaller than its own: twice what we can report is enough for all.
typedef unsigned long cpu_mask[2 * MAX_CPUS / WORD_BITS];

int platform_set_affinity(const int *cpus, int count)
{
    cpu_mask mask = {0};

    for (int i = 0; i < count; i++)
        mask[cpus[i] / WORD_BITS] |= 1ul << cpus[i] % WORD_BITS;
    return syscall(SYS_sched_setaffinity, 0, sizeof mask, mask) < 0 ? errno : 0;
}

int platform_get_affinity(int *cpus)
{
    cpu_mask mask = {0};
    int count = 0;

    if (syscall(SYS_sched_getaffinity, 0, sizeof mask, mask) < 0)
        return 0;
    for (int cpu = 0; cpu < MAX_CPUS; cpu++)
        if (mask[cpu / WORD_BITS] >> cpu % WORD_BITS & 1)
            cpus[count++] = cpu;
    return count;
}

int platform_current_cpu(void)
{
    return sched_getcpu();
}

bool platform_read_text(const char *path, char *text, size_t size)
{
    int file = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = file < 0 ? -1 : read(file, text, size - 1);

    if (file >= 0)
        close(file);
    if (got < 0)
        return false;
    text[got] = '\0';
    return true;
}

int64_t platform_read_integer(const char *path)
{
    char text[32], *end;
    int64_t number;

    if (!platform_read_text(path, text, sizeof text))
        return -1;
    number = strtoll(text, &end, 10);
    return end == text ? -1 : number;
}

int64_t platform_cpu_khz(int cpu)
{
    char path[96];

    snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu%d/cpufreq/scaling_cur_freq", cpu);
    return platform_read_integer(path);
}

static int64_t status_bytes(const char *status, const char *label)
{
    const char *line = strstr(status, label);

    return line ? atoll(line + strlen(label)) * 1024 : -1;
}

struct memory_use platform_memory_use(void)
{
    char status[4096];

    if (!platform_read_text("/proc/self/status", status, sizeof status))
        return (struct memory_use){-1, -1};
    return (struct memory_use){
        .peak_bytes = status_bytes(status, "VmHWM:"),
        .current_bytes = status_bytes(status, "VmRSS:"),
    };
}

int64_t platform_involuntary_switches(void)
{
    struct rusage usage;

    // The system call itself: the library's getrusage may be answered by quiet.c.
    return syscall(SYS_getrusage, RUSAGE_SELF, &usage) < 0 ? -1 : usage.ru_nivcsw;
}

void platform_exact_timers(void)
{
    prctl(PR_SET_TIMERSLACK, 1ul);
}

void platform_sleep_until(uint64_t ns)
{
    struct timespec until = {(time_t)(ns / 1000000000), (long)(ns % 1000000000)};

    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
}

// What the system call writes; not every libc declares it.
struct entry {
    uint64_t inode;
    int64_t offset;
    unsigned short length;
    unsigned char type;
    char name[];
};

// Not opendir(), which takes memory from the heap.
void platform_each_entry(const char *path, void (*visit)(const char *name, void *context), void *context)
{
    _Alignas(struct entry) char entries[4096];
    int directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    long got;

    if (directory < 0)
        return;
    while ((got = syscall(SYS_getdents64, directory, entries, sizeof entries)) > 0)
        for (long at = 0; at < got; at += ((struct entry *)(entries + at))->length)
            visit(((struct entry *)(entries + at))->name, context);
    close(directory);
}

struct thread_list {
    struct thread_core *threads;
    int count, most;
};

// The processor is the 39th field of the line; the second, a name in parentheses, may hold spaces.
static int processor_of(const char *line)
{
    enum { NAME = 2, PROCESSOR = 39 };
    const char *at = strrchr(line, ')');

    for (int field = NAME; at && field < PROCESSOR; field++) {
        at = strchr(at, ' ');
        at = at ? at + 1 : NULL;
    }
    return at ? atoi(at) : -1;
}

static void add_thread(const char *name, void *context)
{
    struct thread_list *list = context;
    char path[64], line[1024];
    int thread = atoi(name);

    snprintf(path, sizeof path, "/proc/self/task/%d/stat", thread);
    if (thread <= 0 || list->count == list->most || !platform_read_text(path, line, sizeof line))
        return;
    list->threads[list->count++] = (struct thread_core){thread, processor_of(line)};
}

int platform_threads(struct thread_core *threads, int most)
{
    struct thread_list list = {threads, 0, most};

    platform_each_entry("/proc/self/task", add_thread, &list);
    return list.count;
}

void platform_tell(const char *text)
{
    size_t left = strlen(text);
    ssize_t done;

    for (; left && (done = write(STDERR_FILENO, text, left)) > 0; left -= (size_t)done)
        text += done;
}

void *platform_grow(void *data, size_t old_bytes, size_t new_bytes)
{
    void *grown = data ? mremap(data, old_bytes, new_bytes, MREMAP_MAYMOVE)
                       : mmap(NULL, new_bytes, PROT_READ | PROT_WRITE,
                              MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

    return grown == MAP_FAILED ? NULL : grown;
}
