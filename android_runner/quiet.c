#include "quiet.h"

#include "interpose.h"

#ifndef INTERPOSE_ALL

void quiet_set(bool quiet)
{
    (void)quiet;
}

#else

#include "emulation.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

static volatile bool is_quiet;

void quiet_set(bool quiet)
{
    is_quiet = quiet;
}

static bool refused(const char *path)
{
    if (!is_quiet || strcmp(path, "/proc/self/status"))
        return false;
    errno = ENOENT;
    return true;
}

// Under other names, because the headers deprecate mallinfo or lack mallinfo2 (glibc 2.33).
struct narrow_mallinfo {
    int fields[10];
};

struct wide_mallinfo {
    size_t fields[10];
};

EXPORT struct narrow_mallinfo answer_mallinfo(void) __asm__("mallinfo");
EXPORT struct wide_mallinfo answer_mallinfo2(void) __asm__("mallinfo2");

EXPORT struct narrow_mallinfo answer_mallinfo(void)
{
    __typeof__(&answer_mallinfo) next = NEXT_NAMED(answer_mallinfo, "mallinfo");

    return is_quiet || !next ? (struct narrow_mallinfo){{0}} : next();
}

EXPORT struct wide_mallinfo answer_mallinfo2(void)
{
    __typeof__(&answer_mallinfo2) next = NEXT_NAMED(answer_mallinfo2, "mallinfo2");

    return is_quiet || !next ? (struct wide_mallinfo){{0}} : next();
}

EXPORT int getrusage(__rusage_who_t who, struct rusage *usage)
{
    if (!is_quiet)
        return NEXT(getrusage)(who, usage);
    memset(usage, 0, sizeof *usage);
    return 0;
}

EXPORT FILE *fopen(const char *path, const char *mode)
{
    return refused(path) ? NULL : NEXT(fopen)(emulation_path(path), mode);
}

EXPORT FILE *fopen64(const char *path, const char *mode)
{
    return refused(path) ? NULL : NEXT(fopen64)(emulation_path(path), mode);
}

static mode_t creation_mode(int flags, va_list list)
{
    return flags & (O_CREAT | O_TMPFILE) ? va_arg(list, mode_t) : 0;
}

EXPORT int open(const char *path, int flags, ...)
{
    va_list list;

    va_start(list, flags);
    mode_t mode = creation_mode(flags, list);
    va_end(list);
    return refused(path) ? -1 : NEXT(open)(emulation_path(path), flags, mode);
}

EXPORT int open64(const char *path, int flags, ...)
{
    va_list list;

    va_start(list, flags);
    mode_t mode = creation_mode(flags, list);
    va_end(list);
    return refused(path) ? -1 : NEXT(open64)(emulation_path(path), flags, mode);
}

#endif
