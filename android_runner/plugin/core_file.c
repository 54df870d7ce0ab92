#include "core_file.h"

#include "core_line.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { LONGEST_LINE = 1024, MOST_KEYS = 32 };

static bool cut(struct line *line, char *text)
{
    char *rest = NULL;

    text[strcspn(text, "#\n")] = 0;
    line->count = 0;
    for (char *word = strtok_r(text, " \t\r", &rest); word; word = strtok_r(NULL, " \t\r", &rest)) {
        if (line->count == MOST_WORDS)
            return line_complain(line, "too many words after", line->words[0]);
        line->words[line->count++] = word;
    }
    return true;
}

static bool take(const struct line *line, struct core *core, unsigned seen[])
{
    for (int i = 0; i < CORE_KEY_COUNT; i++) {
        const struct core_key *key = &CORE_KEYS[i];

        if (strcmp(key->name, line->words[0]))
            continue;
        if (line->count < key->least || line->count > key->most)
            return line_complain(line, "not the right number of values:", key->name);
        if (seen[i]++ && !key->repeated)
            return line_complain(line, "stated twice:", key->name);
        return key->read(line, core);
    }
    return line_complain(line, "unknown key", line->words[0]);
}

static bool read_lines(FILE *file, const char *path, struct core *core, unsigned seen[])
{
    char text[LONGEST_LINE];
    struct line line = {.path = path};

    while (fgets(text, sizeof text, file)) {
        line.number++;
        if (!strchr(text, '\n') && !feof(file))
            return line_complain(&line, "too long:", text);
        if (!cut(&line, text) || (line.count && !take(&line, core, seen)))
            return false;
    }
    return !ferror(file) || line_complain(&line, "cannot be read further:", strerror(errno));
}

static bool lacks(const char *path, const char *what, const char *name)
{
    fprintf(stderr, "tflprof counter plugin: %s: %s `%s`\n", path, what, name);
    return false;
}

static bool is_complete(const char *path, const struct core *core, const unsigned seen[])
{
    for (int i = 0; i < CORE_KEY_COUNT; i++)
        if (CORE_KEYS[i].required && !seen[i])
            return lacks(path, "does not state", CORE_KEYS[i].name);
    for (unsigned i = 0; i < CLASSES; i++)
        if (!core->classes[i].given)
            return lacks(path, "does not state class", operation_class_name(i));
    if (core->in_order != !core->window)
        return lacks(path, "states a window that does not fit", core->in_order ? "order in" : "order out");
    return true;
}

static bool has_caches(const char *path, const struct core *core)
{
    static const char *const names[] = {"l1d", "l2", "l3"};

    if (core->line & (core->line - 1))
        return lacks(path, "is no power of two:", "line");
    for (unsigned i = 0; i < CACHE_LEVELS; i++) {
        const struct cache_size *cache = &core->cache[i];

        if (i && !cache->bytes)
            continue;
        if (!cache->bytes || !cache->ways || cache->bytes % (cache->ways * core->line))
            return lacks(path, "states no cache that is sets of ways of lines:", names[i]);
    }
    return true;
}

bool read_core_file(const char *path, struct core *core)
{
    unsigned seen[MOST_KEYS] = {0};
    FILE *file = fopen(path, "re");
    bool right;

    if (!file)
        return lacks(path, "cannot be opened:", strerror(errno));
    *core = (struct core){.line = 64};
    core->loop_factor = core->straight_factor = FACTOR_ONE;
    right = read_lines(file, path, core, seen) && is_complete(path, core, seen) &&
            (!core->caches || has_caches(path, core));
    fclose(file);
    return right;
}
