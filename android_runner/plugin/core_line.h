// One line of the core file, and the numbers in it. What reads a number complains and returns false
// when there is none, or one out of range.
#pragma once

#include "core_file.h"

enum { MOST_WORDS = 16 };

// Cut into words, the first of which is the key.
struct line {
    const char *path;
    unsigned number;
    int count;
    char *words[MOST_WORDS];
};

// Writes where the line is and what is wrong with it, and returns false.
bool line_complain(const struct line *line, const char *what, const char *value);

bool line_number(const struct line *line, const char *word, double least, double most, double *value);
bool line_whole(const struct line *line, const char *word, double least, double most, uint64_t *value);
bool line_whole_unsigned(const struct line *line, const char *word, double least, double most, unsigned *value);
bool line_cycles(const struct line *line, const char *word, parts *value);
bool line_cycles_32(const struct line *line, const char *word, uint32_t *value);

// A key of the file and what takes its values.
struct core_key {
    const char *name;
    int least, most;  // words, with the key
    bool required, repeated;
    bool (*read)(const struct line *line, struct core *core);
};

extern const struct core_key CORE_KEYS[];
extern const int CORE_KEY_COUNT;
