// How instructions get counted, which differs with the version of the emulator's plugin interface.
#pragma once

#include "../counters.h"
#include "qemu_plugin.h"

// Counts into the page from here on. Complains and returns false if this emulator cannot be used.
bool count_into(uint64_t *page, qemu_plugin_id_t id, const struct qemu_info *emulator);
