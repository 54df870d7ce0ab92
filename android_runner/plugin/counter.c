// A QEMU plugin that keeps counters of the guest's work in a file the guest can map
// (docs/runner-protocol.md, Counters). Exact for a guest with one running thread: the
// additions of several virtual CPUs are not atomic.
//
//     qemu-aarch64 -plugin counter.so,page=PATH ...
#include "../protocol.h"
#include "qemu_plugin.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

QEMU_PLUGIN_EXPORT int qemu_plugin_version = QEMU_PLUGIN_API;

static uint64_t *counters;

// The additions become part of the translated code: nothing is called when it runs.
static void count_block(qemu_plugin_id_t id, struct qemu_plugin_tb *block)
{
    (void)id;
    qemu_plugin_register_vcpu_tb_exec_inline(block, QEMU_PLUGIN_INLINE_ADD_U64,
                                             &counters[COUNTER_INSTRUCTIONS],
                                             qemu_plugin_tb_n_insns(block));
}

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

QEMU_PLUGIN_EXPORT int qemu_plugin_install(qemu_plugin_id_t id, const void *info, int argc, char **argv)
{
    static const char page[] = "page=";

    (void)info;
    if (argc != 1 || strncmp(argv[0], page, sizeof page - 1)) {
        fprintf(stderr, "tflprof counter plugin: needs page=PATH and nothing else\n");
        return 1;
    }
    counters = map_page(argv[0] + sizeof page - 1);
    if (!counters)
        return 1;
    qemu_plugin_register_vcpu_tb_trans_cb(id, count_block);
    return 0;
}
