// Asked to stop, or crashing.
#pragma once

#include <stdbool.h>

void signals_init(bool watch_stdin);

// What a crash from here on happens in; `activity` is a literal without quotes.
void signals_doing(const char *activity, int model);

// SIGINT or SIGTERM has arrived: cheap enough to ask after every inference.
bool stop_signalled(void);

// The same, or standard input has ended while it is watched.
bool stop_requested(void);
