// An emulator as far as the counter plugin sees it, with version 2 of the plugin interface (QEMU 9.0)
// or a later one. Loads the plugin, has it instrument one block of the given instructions, runs the
// block on each of the virtual CPUs, and prints the first two words of the page after each run.
//
//     fake_qemu PLUGIN PAGE VERSION TARGET CPUS INSTRUCTION...
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define API __attribute__((visibility("default")))

enum { MOST = 16 };

struct insn {
    uint32_t word;
    void (*called)(unsigned vcpu, void *data);
    void *data;
};

struct tb {
    size_t count;
    struct insn insns[MOST];
};

struct u64 {
    char *score;
    size_t offset;
};

struct info {
    const char *target_name;
    int min, cur;
};

static struct info info;
static void (*translated)(uint64_t id, struct tb *block);
static size_t element_bytes;
static unsigned cpus;
static struct u64 added;
static uint64_t addition;

API void qemu_plugin_register_vcpu_tb_trans_cb(uint64_t id, void (*callback)(uint64_t, struct tb *))
{
    (void)id;
    translated = callback;
}

API size_t qemu_plugin_tb_n_insns(const struct tb *block)
{
    return block->count;
}

API struct insn *qemu_plugin_tb_get_insn(struct tb *block, size_t index)
{
    return &block->insns[index];
}

// Both forms in one: what version 2 does not pass is not looked at.
API uintptr_t qemu_plugin_insn_data(const struct insn *instruction, void *to, size_t bytes)
{
    if (info.cur < 3)
        return (uintptr_t)&instruction->word;
    memcpy(to, &instruction->word, bytes);
    return bytes;
}

API void *qemu_plugin_scoreboard_new(size_t bytes)
{
    element_bytes = bytes;
    return calloc(MOST, bytes);
}

static uint64_t *word_of(struct u64 word, unsigned cpu)
{
    return (uint64_t *)(word.score + cpu * element_bytes + word.offset);
}

API uint64_t qemu_plugin_u64_sum(struct u64 word)
{
    uint64_t sum = 0;

    for (unsigned cpu = 0; cpu < cpus; cpu++)
        sum += *word_of(word, cpu);
    return sum;
}

API void qemu_plugin_register_vcpu_tb_exec_inline_per_vcpu(struct tb *block, int op, struct u64 word,
                                                           uint64_t value)
{
    (void)block;
    if (op)
        abort();
    added = word;
    addition = value;
}

API void qemu_plugin_register_vcpu_insn_exec_cb(struct insn *instruction, void (*callback)(unsigned, void *),
                                                int flags, void *data)
{
    (void)flags;
    instruction->called = callback;
    instruction->data = data;
}

static void run(const struct tb *block, unsigned cpu)
{
    *word_of(added, cpu) += addition;
    for (size_t i = 0; i < block->count; i++)
        if (block->insns[i].called)
            block->insns[i].called(cpu, block->insns[i].data);
}

int main(int argc, char **argv)
{
    int (*install)(uint64_t, const struct info *, int, char **);
    char option[4096], *options[] = {option};
    struct tb block = {0};
    void *plugin = argc > 6 && argc <= 6 + MOST ? dlopen(argv[1], RTLD_NOW) : NULL;

    if (!plugin) {
        fprintf(stderr, "%s\n", dlerror());
        return 2;
    }
    *(void **)&install = dlsym(plugin, "qemu_plugin_install");
    info = (struct info){argv[4], 2, atoi(argv[3])};
    cpus = (unsigned)atoi(argv[5]);
    snprintf(option, sizeof option, "page=%s", argv[2]);
    if (install(1, &info, 1, options))
        return 1;
    for (int i = 6; i < argc; i++)
        block.insns[block.count++].word = (uint32_t)strtoul(argv[i], NULL, 16);
    translated(1, &block);
    const volatile uint64_t *page = mmap(NULL, 4096, PROT_READ, MAP_SHARED, open(argv[2], O_RDONLY), 0);
    for (unsigned cpu = 0; cpu < cpus; cpu++) {
        run(&block, cpu);
        printf("%llu %llu\n", (unsigned long long)page[0], (unsigned long long)page[1]);
    }
    return 0;
}
