#pragma once

typedef long time_t;
typedef int clockid_t;

struct timespec {
    time_t tv_sec;
    long tv_nsec;
};

enum { CLOCK_REALTIME = 0, CLOCK_MONOTONIC = 1 };

enum { TIMER_ABSTIME = 1 };

int clock_gettime(clockid_t clock, struct timespec *time);
int clock_nanosleep(clockid_t clock, int flags, const struct timespec *wanted, struct timespec *left);
