#include "fake.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *setting(const char *name)
{
    static char value[512];
    const char *all = getenv("FAKE_LITERT");
    size_t length = strlen(name);

    for (const char *at = all; at && *at; at = strchr(at, ';') ? strchr(at, ';') + 1 : "") {
        if (strncmp(at, name, length) || at[length] != '=')
            continue;
        snprintf(value, sizeof value, "%.*s", (int)strcspn(at + length + 1, ";"), at + length + 1);
        return value;
    }
    return NULL;
}

int number(const char *name, int otherwise)
{
    const char *value = setting(name);

    return value ? atoi(value) : otherwise;
}

void trace(const char *format, ...)
{
    const char *path = setting("trace");
    FILE *file = path ? fopen(path, "a") : NULL;
    va_list list;

    if (!file)
        return;
    va_start(list, format);
    vfprintf(file, format, list);
    va_end(list);
    fclose(file);
}

int scripted(const char *function)
{
    static struct {
        char name[64];
        int calls;
    } seen[64];
    char wanted[64] = "";
    int status = 0, call = 0, i = 0;

    while (seen[i].name[0] && strcmp(seen[i].name, function))
        i++;
    snprintf(seen[i].name, sizeof seen[i].name, "%s", function);
    seen[i].calls++;
    if (setting("fail"))
        sscanf(setting("fail"), "%63[^:]:%d:%d", wanted, &status, &call);
    return !strcmp(wanted, function) && call == seen[i].calls ? status : 0;
}
