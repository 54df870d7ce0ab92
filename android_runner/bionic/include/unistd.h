#pragma once

#include <stddef.h>
#include <sys/types.h>

enum { STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO };

enum { SEEK_SET, SEEK_CUR, SEEK_END };

int close(int file);
int dup2(int file, int wanted);
pid_t getpid(void);
off_t lseek(int file, off_t offset, int from);
ssize_t read(int file, void *bytes, size_t count);
long syscall(long number, ...);
int unlink(const char *path);
ssize_t write(int file, const void *bytes, size_t count);
_Noreturn void _exit(int status);
