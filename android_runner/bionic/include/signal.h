#pragma once

#include <stddef.h>

enum {
    SIGINT = 2,
    SIGILL = 4,
    SIGABRT = 6,
    SIGBUS = 7,
    SIGFPE = 8,
    SIGSEGV = 11,
    SIGPIPE = 13,
    SIGTERM = 15,
};

enum {
    SA_ONSTACK = 0x08000000,
    SA_RESTART = 0x10000000,
    SA_NODEFER = 0x40000000,
};

#define SA_RESETHAND 0x80000000

#define SIG_DFL ((void (*)(int))0)
#define SIG_IGN ((void (*)(int))1)

typedef int sig_atomic_t;

// In 32-bit programs there is room for the first 32 signals only.
typedef unsigned long sigset_t;

struct sigaction {
#ifdef __LP64__
    int sa_flags;
    void (*sa_handler)(int);
    sigset_t sa_mask;
#else
    void (*sa_handler)(int);
    sigset_t sa_mask;
    int sa_flags;
#endif
    void (*sa_restorer)(void);
};

typedef struct {
    void *ss_sp;
    int ss_flags;
    size_t ss_size;
} stack_t;

int sigaction(int signal, const struct sigaction *action, struct sigaction *old);
int sigaltstack(const stack_t *stack, stack_t *old);
void (*signal(int signal, void (*handler)(int)))(int);
int raise(int signal);
