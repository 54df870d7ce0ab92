// A library around the real one that does something bad in one of its runs, as SCRIPT says. It is linked with the real
// library, so that all other functions are found there.
//
// SCRIPT is settings NAME=NUMBER separated by `;`:
//
//   process=N   in the N-th process since STATE was emptied
//   run=N       in its N-th run
//   stderr=N    writes so many bytes to standard error, in lines
//   signal=N    raises a signal
//   exit=N      ends the process
//   status=N    returns this status
//
// STATE is a file to which each process adds a byte.
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LINE = 64 };

// What the file is recognised by.
const char recognised[] = "\0LiteRtCreateEnvironment";

static int setting(const char *name)
{
    size_t length = strlen(name);

    for (const char *at = SCRIPT; *at; at = strchr(at, ';') ? strchr(at, ';') + 1 : "")
        if (!strncmp(at, name, length) && at[length] == '=')
            return atoi(at + length + 1);
    return 0;
}

static int this_process(void)
{
    struct stat facts = {0};
    int file = open(STATE, O_WRONLY | O_APPEND | O_CREAT, 0600);
    int known = file >= 0 && write(file, "", 1) == 1 && !fstat(file, &facts);

    close(file);
    return known ? (int)facts.st_size : 0;
}

static void write_lines(int bytes)
{
    char line[LINE];

    memset(line, 'x', LINE - 1);
    line[LINE - 1] = '\n';
    for (; bytes > 0; bytes -= LINE)
        if (write(STDERR_FILENO, line, LINE) < 0)
            return;
}

__attribute__((visibility("default"))) int LiteRtRunCompiledModel(void *compiled, size_t signature, size_t inputs,
                                                                  void **input, size_t outputs, void **output)
{
    static int (*real)(void *, size_t, size_t, void **, size_t, void **);
    static int process, runs;

    if (!real) {
        real = (int (*)(void *, size_t, size_t, void **, size_t, void **))dlsym(RTLD_NEXT, "LiteRtRunCompiledModel");
        process = this_process();
    }
    if (process == setting("process") && ++runs == setting("run")) {
        write_lines(setting("stderr"));
        if (setting("signal"))
            raise(setting("signal"));
        if (setting("exit"))
            _exit(setting("exit"));
        if (setting("status"))
            return setting("status");
    }
    return real(compiled, signature, inputs, input, outputs, output);
}
