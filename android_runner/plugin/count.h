// How instructions get counted, which differs with the version of the emulator's plugin interface.
#pragma once

#include "../counters.h"
#include "qemu_plugin.h"

// Counts into the page from here on; without a core file, which may be NULL, instructions only.
// Complains and returns false if this emulator or the file cannot be used.
bool count_into(uint64_t *page, const char *core_file, qemu_plugin_id_t id, const struct qemu_info *emulator);
