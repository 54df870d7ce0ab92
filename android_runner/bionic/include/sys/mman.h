#pragma once

#include <linux/mman.h>
#include <stddef.h>
#include <sys/types.h>

#define MAP_FAILED ((void *)-1)

void *mmap(void *address, size_t bytes, int protection, int flags, int file, off_t offset);
void *mremap(void *address, size_t old_bytes, size_t new_bytes, int flags, ...);
int munmap(void *address, size_t bytes);
