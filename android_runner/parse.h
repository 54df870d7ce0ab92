// Values of the options file. Each function returns what is wrong with the text, or NULL.
#pragma once

#include <stdint.h>

enum { MAX_RANK = 8 };

const char *parse_integer(const char *text, int64_t *number);

const char *parse_hex(const char *text, uint64_t *number);

const char *parse_seconds(const char *text, double *seconds);

// Positive numbers with commas between; cuts the text up.
const char *parse_dimensions(char *text, int32_t dimensions[MAX_RANK], int *rank);

// Cuts NAME=VALUE in two and returns the value, NULL when one of them is empty. The last `=`
// counts: a tensor's name may contain one, a shape never does.
char *split_name(char *text);
