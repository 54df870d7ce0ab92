#pragma once

#include <asm/unistd.h>

#define SYS_clock_gettime __NR_clock_gettime
#define SYS_getcpu __NR_getcpu
#define SYS_getdents64 __NR_getdents64
#define SYS_getrusage __NR_getrusage
#define SYS_gettid __NR_gettid
#define SYS_perf_event_open __NR_perf_event_open
#define SYS_sched_getaffinity __NR_sched_getaffinity
#define SYS_sched_setaffinity __NR_sched_setaffinity
