#pragma once

#include <linux/ioctl.h>

int ioctl(int file, int request, ...);
