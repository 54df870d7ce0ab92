// Functions the runner exports in the place of libc's: the dynamic linker binds the
// inference library to the executable's first. Sanitizers interpose the same ones,
// so their builds define RUNNER_NO_INTERPOSERS. On Android it is the clock only: bionic
// itself calls what a program exports, before main() even, and asks the library for nothing else.
#pragma once

#include <dlfcn.h>

#ifndef RUNNER_NO_INTERPOSERS
#define INTERPOSE_CLOCK
#ifndef __ANDROID__
#define INTERPOSE_ALL
#endif
#endif

#define EXPORT __attribute__((visibility("default")))

// The function that would have been called without us, looked up once; NULL if there is none.
#define NEXT_NAMED(function, name)                                       \
    ({                                                                   \
        static __typeof__(&function) next;                               \
        if (!next)                                                       \
            next = (__typeof__(&function))dlsym(RTLD_NEXT, name);        \
        next;                                                            \
    })

#define NEXT(function) NEXT_NAMED(function, #function)
