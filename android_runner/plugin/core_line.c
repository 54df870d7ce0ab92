#include "core_line.h"

#include "../counters.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static const double MOST_CYCLES = 1e6;

bool line_complain(const struct line *line, const char *what, const char *value)
{
    fprintf(stderr, "tflprof counter plugin: %s:%u: %s `%s`\n", line->path, line->number, what, value);
    return false;
}

bool line_number(const struct line *line, const char *word, double least, double most, double *value)
{
    char *end;

    errno = 0;
    *value = strtod(word, &end);
    if (end == word || *end || errno || !(*value >= least && *value <= most))
        return line_complain(line, "out of range or no number:", word);
    return true;
}

bool line_whole(const struct line *line, const char *word, double least, double most, uint64_t *value)
{
    double read;

    if (!line_number(line, word, least, most, &read))
        return false;
    if (read != (double)(uint64_t)read)
        return line_complain(line, "no whole number:", word);
    *value = (uint64_t)read;
    return true;
}

bool line_whole_unsigned(const struct line *line, const char *word, double least, double most, unsigned *value)
{
    uint64_t read;

    if (!line_whole(line, word, least, most, &read))
        return false;
    *value = (unsigned)read;
    return true;
}

bool line_cycles(const struct line *line, const char *word, parts *value)
{
    double read;

    if (!line_number(line, word, 0, MOST_CYCLES, &read))
        return false;
    *value = (parts)(read * COUNTER_CYCLE_PARTS + 0.5);
    return true;
}

bool line_cycles_32(const struct line *line, const char *word, uint32_t *value)
{
    parts read;

    if (!line_cycles(line, word, &read))
        return false;
    *value = (uint32_t)read;
    return true;
}
