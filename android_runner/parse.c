#include "parse.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *parse_integer(const char *text, int64_t *number)
{
    char *end;

    errno = 0;
    *number = strtoll(text, &end, 10);
    return end == text || *end || errno ? "is not an integer" : NULL;
}

const char *parse_hex(const char *text, uint64_t *number)
{
    char *end;

    errno = 0;
    *number = strtoull(text, &end, 16);
    return end == text || *end || errno || *text == '-' ? "is not a hexadecimal number" : NULL;
}

const char *parse_seconds(const char *text, double *seconds)
{
    char *end;

    *seconds = strtod(text, &end);
    return end == text || *end || !isfinite(*seconds) || *seconds < 0 ? "is no number of seconds" : NULL;
}

const char *parse_dimensions(char *text, int32_t dimensions[MAX_RANK], int *rank)
{
    for (char *item = strtok(text, ","); item; item = strtok(NULL, ",")) {
        int64_t dimension;

        if (parse_integer(item, &dimension) || dimension < 1 || dimension > INT32_MAX)
            return "has a dimension that is no positive number";
        if (*rank == MAX_RANK)
            return "has more than 8 dimensions";
        dimensions[(*rank)++] = (int32_t)dimension;
    }
    return NULL;
}

char *split_name(char *text)
{
    char *equals = strrchr(text, '=');

    if (!equals || equals == text || !equals[1])
        return NULL;
    *equals = '\0';
    return equals + 1;
}
