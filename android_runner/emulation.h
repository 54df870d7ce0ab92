// What the inference library learns about the processor when the runner runs in an
// emulator, which passes some of the host's answers through.
#pragma once

#include "options.h"

void emulation_init(const struct options *options);

// The CPU the process runs on, or the one it is told to believe in.
int emulation_current_cpu(void);

// The path to open instead of this one: emulators may answer /proc/cpuinfo themselves.
const char *emulation_path(const char *path);
