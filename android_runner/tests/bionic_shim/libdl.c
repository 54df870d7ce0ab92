// A stand-in for Android's libdl.so over glibc, for tests. In 64-bit programs the names and numbers
// are the same and glibc answers; in 32-bit ones the numbers differ.
#include <dlfcn.h>
#include <stdint.h>

#ifndef __LP64__

enum { BIONIC_GLOBAL = 2 };

static const uintptr_t bionic_next = 0xfffffffe;

void *bionic_dlopen(const char *path, int flags) __asm__("dlopen");
void *bionic_dlsym(void *library, const char *name) __asm__("dlsym");

static void *glibc(const char *name)
{
    static void *(*find)(void *, const char *, const char *);

    find = find ? find : (void *(*)(void *, const char *, const char *))dlvsym;
    return find(RTLD_NEXT, name, "GLIBC_2.34");
}

void *bionic_dlopen(const char *path, int flags)
{
    void *(*real)(const char *, int) = (void *(*)(const char *, int))glibc("dlopen");

    return real(path, RTLD_NOW | (flags & BIONIC_GLOBAL ? RTLD_GLOBAL : RTLD_LOCAL));
}

void *bionic_dlsym(void *library, const char *name)
{
    void *(*real)(void *, const char *) = (void *(*)(void *, const char *))glibc("dlsym");

    return real((uintptr_t)library == bionic_next ? bionic_dlopen("libc.so.6", 0) : library, name);
}

#endif
