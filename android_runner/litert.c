#include "litert.h"

#include "failure.h"

#include <dlfcn.h>
#include <stdio.h>

struct litert litert;

static const struct symbol {
    const char *name;
    void **place;
} symbols[] = {
#define SYMBOL(result, name, parameters) {"LiteRt" #name, (void **)&litert.name},
    LITERT_FUNCTIONS(SYMBOL)
#undef SYMBOL
};

void litert_load(const char *path)
{
    void *library = dlopen(path, RTLD_NOW | RTLD_GLOBAL);

    if (!library)
        fail(EXIT_RUNTIME, "library", NO_MODEL, "%s", dlerror());
    for (size_t i = 0; i < sizeof symbols / sizeof *symbols; i++) {
        *symbols[i].place = dlsym(library, symbols[i].name);
        if (!*symbols[i].place)
            fail(EXIT_RUNTIME, "library", NO_MODEL,
                 "%s has no %s: a LiteRT library of version 2.3 or later is needed", path, symbols[i].name);
    }
}

const char *litert_status_name(int status)
{
    static const struct {
        int status;
        const char *name;
    } names[] = {
        {1, "InvalidArgument"},
        {2, "MemoryAllocationFailure"},
        {3, "RuntimeFailure"},
        {4, "MissingInputTensor"},
        {5, "Unsupported"},
        {6, "NotFound"},
        {7, "TimeoutExpired"},
        {8, "WrongVersion"},
        {9, "Unknown"},
        {10, "AlreadyExists"},
        {100, "Cancelled"},
        {500, "FileIO"},
        {501, "InvalidFlatbuffer"},
        {502, "DynamicLoading"},
        {503, "Serialization"},
        {504, "Compilation"},
        {1000, "IndexOOB"},
        {1001, "InvalidIrType"},
        {1002, "InvalidGraphInvariant"},
        {1003, "GraphModification"},
        {1500, "InvalidToolConfig"},
        {4000, "UnsupportedRuntimeVersion"},
        {4001, "UnsupportedCompilerVersion"},
        {4002, "IncompatibleByteCodeVersion"},
        {5000, "UnsupportedOpShapeInferer"},
        {5001, "ShapeInferenceFailed"},
    };

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (names[i].status == status)
            return names[i].name;
    return "unnamed status";
}

static const struct {
    const char *name;
    int bits;
} types[] = {
    [LITERT_FLOAT32] = {"float32", 32},     [LITERT_INT32] = {"int32", 32},
    [LITERT_UINT8] = {"uint8", 8},          [LITERT_INT64] = {"int64", 64},
    [LITERT_STRING] = {"string", 0},        [LITERT_BOOL] = {"bool", 8},
    [LITERT_INT16] = {"int16", 16},         [LITERT_COMPLEX64] = {"complex64", 64},
    [LITERT_INT8] = {"int8", 8},            [LITERT_FLOAT16] = {"float16", 16},
    [LITERT_FLOAT64] = {"float64", 64},     [LITERT_COMPLEX128] = {"complex128", 128},
    [LITERT_UINT64] = {"uint64", 64},       [LITERT_RESOURCE] = {"resource", 0},
    [LITERT_VARIANT] = {"variant", 0},      [LITERT_UINT32] = {"uint32", 32},
    [LITERT_UINT16] = {"uint16", 16},       [LITERT_INT4] = {"int4", 4},
    [LITERT_BFLOAT16] = {"bfloat16", 16},   [LITERT_INT2] = {"int2", 2},
    [LITERT_UINT4] = {"uint4", 4},
};

static bool known_type(int type)
{
    return type > 0 && type < (int)(sizeof types / sizeof *types) && types[type].name;
}

const char *litert_type_name(int type)
{
    return known_type(type) ? types[type].name : "unknown";
}

int litert_type_bits(int type)
{
    return known_type(type) ? types[type].bits : 0;
}

void litert_check(int status, const char *where, int model, litert_compiled handle, const char *call)
{
    char message[1024];
    char *told = NULL;
    int length;

    if (status == 0)
        return;
    if (handle && litert.CompiledModelGetErrorMessages(handle, &told))
        told = NULL;
    length = snprintf(message, sizeof message, "%s failed: %s%s%s", call, litert_status_name(status),
                      told && *told ? ": " : "", told ? told : "");
    length = length < (int)sizeof message ? length : (int)sizeof message - 1;
    while (message[length - 1] == '\n')
        message[--length] = '\0';
    fail_status(where, model, status, message);
}
