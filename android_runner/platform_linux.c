#include "platform.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__x86_64__)
const char platform_name[] = "linux-x86_64";
#elif defined(__aarch64__)
const char platform_name[] = "linux-aarch64";
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

static bool read_text(const char *path, char *text, size_t size)
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

int64_t platform_cpu_khz(int cpu)
{
    char path[96], text[32];

    snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu%d/cpufreq/scaling_cur_freq", cpu);
    return read_text(path, text, sizeof text) ? atoll(text) : -1;
}

static int64_t status_bytes(const char *status, const char *label)
{
    const char *line = strstr(status, label);

    return line ? atoll(line + strlen(label)) * 1024 : -1;
}

struct memory_use platform_memory_use(void)
{
    char status[4096];

    if (!read_text("/proc/self/status", status, sizeof status))
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

void *platform_grow(void *data, size_t old_bytes, size_t new_bytes)
{
    void *grown = data ? mremap(data, old_bytes, new_bytes, MREMAP_MAYMOVE)
                       : mmap(NULL, new_bytes, PROT_READ | PROT_WRITE,
                              MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

    return grown == MAP_FAILED ? NULL : grown;
}
