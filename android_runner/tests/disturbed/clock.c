// A clock by which the processor changes its speed: linked into the runner with --wrap=dlsym, through which it finds
// libc's clock. Every other PERIOD_MS milliseconds the time goes faster by FASTER percent, so that work takes longer and a
// chain of additions shows a lower frequency, as both do when a core is slowed down.
#include <dlfcn.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

void *__real_dlsym(void *handle, const char *name);
void *__wrap_dlsym(void *handle, const char *name);

static int (*libc_clock)(clockid_t id, struct timespec *time);

static int changing_clock(clockid_t id, struct timespec *time)
{
    const uint64_t half = PERIOD_MS * 1000000ull;
    int status = libc_clock(id, time);
    uint64_t t, slow;

    if (id != CLOCK_MONOTONIC)
        return status;
    t = (uint64_t)time->tv_sec * 1000000000 + (uint64_t)time->tv_nsec;
    slow = t / (2 * half) * half + (t % (2 * half) > half ? t % (2 * half) - half : 0);
    t += slow / 100 * FASTER;
    time->tv_sec = (time_t)(t / 1000000000);
    time->tv_nsec = (long)(t % 1000000000);
    return status;
}

void *__wrap_dlsym(void *handle, const char *name)
{
    void *found = __real_dlsym(handle, name);

    if (strcmp(name, "clock_gettime"))
        return found;
    libc_clock = (int (*)(clockid_t, struct timespec *))found;
    return (void *)changing_clock;
}
