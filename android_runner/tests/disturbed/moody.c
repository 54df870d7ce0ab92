// A library around the real one, linked with it, so that all other functions are found there. What its runs do is in the
// environment variable MOOD, settings NAME=NUMBER separated by `;`:
//
//   run=N      in the N-th run
//   signal=N   a signal is raised
//   hang=1     it never ends
//   destroy=1  destroying a compiled model never ends
//   print=1    every run prints on standard output and on standard error
#include <dlfcn.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// What the file is recognised by.
const char recognised[] = "\0LiteRtCreateEnvironment";

static int setting(const char *name)
{
    const char *mood = getenv("MOOD");
    size_t length = strlen(name);

    for (const char *at = mood; at && *at; at = strchr(at, ';') ? strchr(at, ';') + 1 : "")
        if (!strncmp(at, name, length) && at[length] == '=')
            return atoi(at + length + 1);
    return 0;
}

__attribute__((visibility("default"))) int LiteRtRunCompiledModel(void *compiled, size_t signature, size_t inputs,
                                                                  void **input, size_t outputs, void **output)
{
    static int (*real)(void *, size_t, size_t, void **, size_t, void **);
    static int runs;

    if (!real)
        *(void **)&real = dlsym(RTLD_NEXT, "LiteRtRunCompiledModel");
    if (setting("print")) {
        puts("to standard output");
        fflush(stdout);
        fputs("to standard error\n", stderr);
    }
    if (++runs == setting("run")) {
        if (setting("signal"))
            raise(setting("signal"));
        while (setting("hang"))
            pause();
    }
    return real(compiled, signature, inputs, input, outputs, output);
}

__attribute__((visibility("default"))) void LiteRtDestroyCompiledModel(void *compiled)
{
    void (*real)(void *);

    while (setting("destroy"))
        pause();
    *(void **)&real = dlsym(RTLD_NEXT, "LiteRtDestroyCompiledModel");
    real(compiled);
}
