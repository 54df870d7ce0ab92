#include "pace.h"

#include "clock.h"
#include "records.h"
#include "signals.h"

// A wait is cut into pieces, so that a request to stop is heard.
static const uint64_t longest_sleep = 200000000;

static uint64_t period, release;
static int64_t missed;

void pace_init(const struct options *options)
{
    period = (uint64_t)options->period_us * 1000;
    if (period)
        platform_exact_timers();
}

void pace_restart(void)
{
    missed = 0;
}

void pace_wait(void)
{
    uint64_t now = clock_now();

    if (!period)
        return;
    if (!release)
        release = now;
    if (release < now)
        release += (now - release + period - 1) / period * period;
    for (; now < release && !stop_requested(); now = clock_now())
        platform_sleep_until(release - now < longest_sleep ? release : now + longest_sleep);
}

void pace_finished(void)
{
    uint64_t now = period ? clock_now() : release;

    if (now > release)
        missed += (int64_t)((now - release - 1) / period);
}

void pace_write(void)
{
    record_known("missed", period ? missed : -1);
}
