// An emulator as far as the counter plugin sees it, with version 2 of the plugin interface (QEMU 9.0)
// or a later one. Loads the plugin, has it instrument one block of the given instructions, runs the
// block on each of the virtual CPUs, and prints the first words of the page after each run. What loads
// or stores does so at the address that is the instruction's number times 4096, in pieces of 8 bytes.
//
//     fake_qemu PLUGIN PAGE[,OPTION...] VERSION TARGET CPUS INSTRUCTION...
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define API __attribute__((visibility("default")))

enum { MOST = 16, PIECES = 2, PIECE_SHIFT = 3, SPACING = 4096, START = 0x10000 };

struct insn {
    uint32_t word;
    void (*called)(unsigned vcpu, void *data);
    void *data;
    void (*accessed)(unsigned vcpu, uint32_t info, uint64_t address, void *data);
    void *access_data;
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
static struct addition {
    struct u64 word;
    uint64_t value;
} additions[MOST];
static size_t addition_count;

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
    if (op || addition_count == MOST)
        abort();
    additions[addition_count++] = (struct addition){word, value};
}

API uint64_t qemu_plugin_tb_vaddr(const struct tb *block)
{
    (void)block;
    return START;
}

API void qemu_plugin_register_vcpu_mem_cb(struct insn *instruction,
                                          void (*callback)(unsigned, uint32_t, uint64_t, void *), int flags,
                                          int which, void *data)
{
    (void)flags;
    (void)which;
    instruction->accessed = callback;
    instruction->access_data = data;
}

API unsigned qemu_plugin_mem_size_shift(uint32_t info)
{
    (void)info;
    return PIECE_SHIFT;
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
    for (size_t i = 0; i < addition_count; i++)
        *word_of(additions[i].word, cpu) += additions[i].value;
    for (size_t i = 0; i < block->count; i++) {
        const struct insn *is = &block->insns[i];

        for (unsigned piece = 0; is->accessed && piece < PIECES; piece++)
            is->accessed(cpu, 0, i * SPACING + (piece << PIECE_SHIFT), is->access_data);
        if (is->called)
            is->called(cpu, is->data);
    }
}

// The options of the plugin, cut as QEMU does; the first gets its name here.
static int cut_options(char *text, char **options)
{
    static char page[4096];
    int count = 0;

    snprintf(page, sizeof page, "page=%s", text);
    for (char *rest = page, *option; (option = strsep(&rest, ",")) && count < MOST;)
        options[count++] = option;
    return count;
}

static const volatile uint64_t *map_page(const char *option)
{
    return mmap(NULL, 4096, PROT_READ, MAP_SHARED, open(strchr(option, '=') + 1, O_RDONLY), 0);
}

int main(int argc, char **argv)
{
    int (*install)(uint64_t, const struct info *, int, char **);
    char *options[MOST];
    int option_count;
    struct tb block = {0};
    void *plugin = argc > 6 && argc <= 6 + MOST ? dlopen(argv[1], RTLD_NOW) : NULL;

    if (!plugin) {
        fprintf(stderr, "%s\n", dlerror());
        return 2;
    }
    *(void **)&install = dlsym(plugin, "qemu_plugin_install");
    info = (struct info){argv[4], 2, atoi(argv[3])};
    cpus = (unsigned)atoi(argv[5]);
    option_count = cut_options(argv[2], options);
    if (install(1, &info, option_count, options))
        return 1;
    for (int i = 6; i < argc; i++)
        block.insns[block.count++].word = (uint32_t)strtoul(argv[i], NULL, 16);
    translated(1, &block);
    const volatile uint64_t *page = map_page(options[0]);
    for (unsigned cpu = 0; cpu < cpus; cpu++) {
        run(&block, cpu);
        printf("%llu %llu %llu\n", (unsigned long long)page[0], (unsigned long long)page[1],
               (unsigned long long)page[2]);
    }
    return 0;
}
