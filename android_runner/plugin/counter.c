// A QEMU plugin that keeps counters of the guest's work in a file the guest can map
// (docs/runner-protocol.md, Counters).
//
//     qemu-aarch64 -plugin counter.so,page=PATH[,core=PATH] ...
#include "count.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

QEMU_PLUGIN_EXPORT int qemu_plugin_version = PLUGIN_API;

static uint64_t *map_page(const char *path)
{
    int file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    void *page = MAP_FAILED;

    if (file >= 0 && ftruncate(file, COUNTER_PAGE_BYTES) == 0)
        page = mmap(NULL, COUNTER_PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (page == MAP_FAILED) {
        fprintf(stderr, "tflprof counter plugin: %s: %s\n", path, strerror(errno));
        return NULL;
    }
    close(file);
    return memset(page, 0, COUNTER_PAGE_BYTES);
}

// The value of an option, if that is what the argument gives.
static const char *value_of(const char *argument, const char *name)
{
    size_t length = strlen(name);

    return strncmp(argument, name, length) ? NULL : argument + length;
}

QEMU_PLUGIN_EXPORT int qemu_plugin_install(qemu_plugin_id_t id, const struct qemu_info *emulator, int argc,
                                           char **argv)
{
    const char *page = argc >= 1 ? value_of(argv[0], "page=") : NULL;
    const char *core = argc == 2 ? value_of(argv[1], "core=") : NULL;
    uint64_t *counters;

    if (!page || (argc != 1 && !core)) {
        fprintf(stderr, "tflprof counter plugin: needs page=PATH, perhaps core=PATH, and nothing else\n");
        return 1;
    }
    counters = map_page(page);
    return !counters || !count_into(counters, core, id, emulator);
}
