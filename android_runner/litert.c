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

void litert_find(void *library, const char *path)
{
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
