// A stand-in for Android's libc.so over glibc, for tests: what has another name or layout in bionic
// is translated, everything else the runner finds in glibc, which this library brings along.
#include <dlfcn.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>

typedef int program(int argc, char **argv, char **environment);

// bionic's, by its documented binary interface.
struct bionic_sigaction {
#ifdef __LP64__
    int flags;
    void (*handler)(int);
    unsigned long mask;
#else
    void (*handler)(int);
    unsigned long mask;
    int flags;
#endif
    void (*restorer)(void);
};

int *__errno(void)
{
    return &errno;
}

_Noreturn void __libc_init(void *arguments, void (*at_exit)(void), program *main, void **structors)
{
    long argc = *(long *)arguments;
    char **argv = (char **)arguments + 1;

    // Where constructors and destructors would be, the runner has none; bionic looks there.
    if (at_exit || structors[0] || structors[1] || structors[2])
        abort();
    exit(main((int)argc, argv, argv + argc + 1));
}

static int translated(int signal, const struct bionic_sigaction *action, struct bionic_sigaction *old)
{
    int (*real)(int, const struct sigaction *, struct sigaction *) = dlsym(RTLD_NEXT, "sigaction");
    struct sigaction wanted = {0}, before;
    int status;

    if (action) {
        wanted.sa_handler = action->handler;
        wanted.sa_flags = action->flags;
        for (int i = 1; i < 32; i++)
            if (action->mask >> (i - 1) & 1)
                sigaddset(&wanted.sa_mask, i);
    }
    status = real(signal, action ? &wanted : NULL, &before);
    if (!status && old)
        *old = (struct bionic_sigaction){.handler = before.sa_handler, .flags = before.sa_flags};
    return status;
}

int bionic_sigaction(int, const struct bionic_sigaction *, struct bionic_sigaction *) __asm__("sigaction");

int bionic_sigaction(int signal, const struct bionic_sigaction *action, struct bionic_sigaction *old)
{
    return translated(signal, action, old);
}
