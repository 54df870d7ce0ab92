#pragma once

#include <stddef.h>

void *memchr(const void *bytes, int byte, size_t count);
int memcmp(const void *one, const void *other, size_t count);
void *memcpy(void *to, const void *from, size_t count);
void *memmove(void *to, const void *from, size_t count);
void *memset(void *bytes, int byte, size_t count);

char *strchr(const char *text, int character);
int strcmp(const char *one, const char *other);
char *strerror(int error);
size_t strlen(const char *text);
int strncmp(const char *one, const char *other, size_t count);
char *strrchr(const char *text, int character);
char *strstr(const char *text, const char *part);
char *strtok(char *text, const char *separators);
