#pragma once

#include <asm/poll.h>

int poll(struct pollfd *files, unsigned count, int milliseconds);
