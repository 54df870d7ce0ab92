#include "runs.h"

enum { MOST_BYTES = 1 << 14 };

// A pointer as far as translation knows it: what an unknown value was, and how far it has moved since.
struct pointer {
    uint32_t origin;
    int64_t moved;
};

struct pointers {
    struct pointer of[REGISTERS];
    uint32_t origins;
};

// One access relative to an origin, in the run it belongs to so far.
struct member {
    uint32_t origin;
    int64_t from, to;  // of the whole run
    int64_t carrier_at;
};

static void forget(struct pointers *pointers, unsigned number)
{
    pointers->of[number] = (struct pointer){++pointers->origins, 0};
}

static void execute(struct pointers *pointers, const struct operation *is)
{
    struct pointer sum = {0, 0};

    if (is->adds) {
        sum = pointers->of[is->added];
        sum.moved += is->addend;
    }
    for (unsigned i = 0; i < is->result_count; i++)
        forget(pointers, is->results[i]);
    if (is->adds)
        pointers->of[is->results[0]] = sum;
    if (is->updated != NO_REGISTER)
        pointers->of[is->updated].moved += is->update;
}

// Whether the access prolongs the run, or lies within it.
static bool joins(const struct run *run, const struct member *member, uint32_t origin, bool store, int64_t from,
                  int64_t to, unsigned line)
{
    int64_t first = from < member->from ? from : member->from, end = to > member->to ? to : member->to;

    return member->origin == origin && run->store == store && from <= member->to + line &&
           to + line >= member->from && end - first <= MOST_BYTES;
}

static bool is_simpler(const struct operation *a, const struct operation *b)
{
    return a->access.whole > b->access.whole ||
           (a->access.whole == b->access.whole && a->access.bytes < b->access.bytes);
}

static void become_carrier(struct run *run, struct member *member, const struct operation operations[],
                           size_t number, int64_t from)
{
    const struct memory_access *access = &operations[number].access;

    run->carrier = number;
    run->pieces = access->whole ? 0 : access->bytes;
    member->carrier_at = from;
}

// The address of an access of unknown displacement is the start of an origin of its own.
static int64_t place(struct pointers *pointers, const struct memory_access *access, uint32_t *origin)
{
    if (!access->known) {
        *origin = ++pointers->origins;
        return 0;
    }
    *origin = pointers->of[access->base].origin;
    return pointers->of[access->base].moved + access->displacement;
}

// The finding of runs in a block.
struct search {
    struct pointers pointers;
    struct run *runs;
    struct member *members;
    size_t found;
    unsigned line;
};

static void add_access(struct search *search, const struct operation operations[], size_t number)
{
    const struct memory_access *access = &operations[number].access;
    bool store = access->kind == ACCESS_STORE;
    uint32_t origin;
    int64_t from = place(&search->pointers, access, &origin), to = from + access->bytes;
    size_t run = 0;
    struct member *member;

    while (run < search->found &&
           !joins(&search->runs[run], &search->members[run], origin, store, from, to, search->line))
        run++;
    if (run == MOST_RUNS)
        return;
    member = &search->members[run];
    if (run == search->found) {
        search->found++;
        *member = (struct member){origin, from, to, from};
        search->runs[run].store = store;
        become_carrier(&search->runs[run], member, operations, number, from);
        return;
    }
    member->from = from < member->from ? from : member->from;
    member->to = to > member->to ? to : member->to;
    if (is_simpler(&operations[number], &operations[search->runs[run].carrier]))
        become_carrier(&search->runs[run], member, operations, number, from);
}

size_t find_runs(const struct operation operations[], size_t count, unsigned line, struct run runs[MOST_RUNS])
{
    static struct member members[MOST_RUNS];
    struct search search = {.runs = runs, .members = members, .line = line};

    for (unsigned i = 0; i < REGISTERS; i++)
        forget(&search.pointers, i);
    for (size_t i = 0; i < count; i++) {
        if (operations[i].access.kind != ACCESS_NONE)
            add_access(&search, operations, i);
        execute(&search.pointers, &operations[i]);
    }
    for (size_t i = 0; i < search.found; i++) {
        runs[i].first = (int32_t)(members[i].from - members[i].carrier_at);
        runs[i].bytes = (uint32_t)(members[i].to - members[i].from);
    }
    return search.found;
}
