// LiteRT's profiler asks for the memory usage at both ends of its own phases, which
// takes longer than many a kernel. While quiet, those questions get an empty answer.
#pragma once

#include <stdbool.h>

void quiet_set(bool quiet);
