#include "emulation.h"

#include "failure.h"
#include "interpose.h"
#include "platform.h"

#include <string.h>

static const struct options *told;

void emulation_init(const struct options *options)
{
    told = options;
#ifdef __ANDROID__
    if (told->guest_cpu >= 0 || told->has_hwcap || told->has_hwcap2 || told->cpuinfo)
        fail(EXIT_OPTIONS, "options", NO_MODEL,
             "this runner cannot make up a processor (guest_cpu, hwcap, hwcap2, cpuinfo): it is for phones");
#endif
}

int emulation_current_cpu(void)
{
    return told->guest_cpu >= 0 ? (int)told->guest_cpu : platform_current_cpu();
}

const char *emulation_path(const char *path)
{
    return told && told->cpuinfo && !strcmp(path, "/proc/cpuinfo") ? told->cpuinfo : path;
}

#ifdef INTERPOSE_ALL

#include <stdarg.h>
#include <sys/auxv.h>
#include <sys/syscall.h>
#include <unistd.h>

// cpuinfo and with it XNNPACK choose kernels by the answer to getcpu.
EXPORT long syscall(long number, ...)
{
    long arguments[6];
    va_list list;

    va_start(list, number);
    for (int i = 0; i < 6; i++)
        arguments[i] = va_arg(list, long);
    va_end(list);
    if (number == SYS_getcpu && told && told->guest_cpu >= 0) {
        if (arguments[0])
            *(unsigned *)arguments[0] = (unsigned)told->guest_cpu;
        if (arguments[1])
            *(unsigned *)arguments[1] = 0;
        return 0;
    }
    return NEXT(syscall)(number, arguments[0], arguments[1], arguments[2], arguments[3], arguments[4],
                         arguments[5]);
}

EXPORT unsigned long getauxval(unsigned long type)
{
    if (told && told->has_hwcap && type == AT_HWCAP)
        return told->hwcap;
    if (told && told->has_hwcap2 && type == AT_HWCAP2)
        return told->hwcap2;
    return NEXT(getauxval)(type);
}

#endif
