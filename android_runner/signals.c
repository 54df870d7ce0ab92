#include "signals.h"

#include "failure.h"
#include "records.h"

#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <unistd.h>

static volatile sig_atomic_t stop;
static bool watching_stdin;

static const char *volatile doing = "start";
static volatile int doing_model = NO_MODEL;

static void on_stop(int signal)
{
    (void)signal;
    stop = 1;
}

static void on_crash(int signal)
{
    records_emergency(doing_model, signal, doing);
    raise(signal);  // the action is the default again, and fatal
}

static void handle(const int *signals, size_t count, void (*handler)(int), int flags)
{
    struct sigaction action = {.sa_handler = handler, .sa_flags = flags};

    for (size_t i = 0; i < count; i++)
        sigaction(signals[i], &action, NULL);
}

void signals_init(bool watch_stdin)
{
    static char stack[1 << 14];
    static const int stops[] = {SIGINT, SIGTERM};
    static const int crashes[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT};

    watching_stdin = watch_stdin;
    sigaltstack(&(stack_t){.ss_sp = stack, .ss_size = sizeof stack}, NULL);
    // Reset on the first, so that a second one ends a library that hangs.
    handle(stops, sizeof stops / sizeof *stops, on_stop, SA_RESTART | SA_RESETHAND);
    handle(crashes, sizeof crashes / sizeof *crashes, on_crash, SA_ONSTACK | SA_RESETHAND | SA_NODEFER);
}

void signals_doing(const char *activity, int model)
{
    doing = activity;
    doing_model = model;
}

bool stop_signalled(void)
{
    return stop;
}

bool stop_requested(void)
{
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
    char unread[256];

    while (watching_stdin && !stop && poll(&input, 1, 0) > 0)
        if (read(STDIN_FILENO, unread, sizeof unread) <= 0)
            stop = 1;
    return stop;
}
