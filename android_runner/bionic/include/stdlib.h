#pragma once

#include <stddef.h>

int atoi(const char *text);
double strtod(const char *text, char **end);
long strtol(const char *text, char **end, int base);
long long atoll(const char *text);
long long strtoll(const char *text, char **end, int base);
unsigned long long strtoull(const char *text, char **end, int base);
