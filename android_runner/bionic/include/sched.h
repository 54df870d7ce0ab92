#pragma once

int sched_getcpu(void);
