// The part of the LiteRT 2.x C interface the runner uses, declared by hand and
// found in the library at run time, so that the runner needs no headers to build
// and no library to start. ABI: 64-bit, as of LiteRT 2.3.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct litert_environment *litert_environment;
typedef struct litert_file *litert_file;  // LiteRtModel
typedef struct litert_options *litert_options;
typedef struct litert_opaque *litert_opaque;
typedef struct litert_compiled *litert_compiled;
typedef struct litert_profiler *litert_profiler;
typedef struct litert_signature *litert_signature;
typedef struct litert_subgraph *litert_subgraph;
typedef struct litert_tensor *litert_tensor;
typedef struct litert_requirements *litert_requirements;
typedef struct litert_buffer *litert_buffer;

enum { LITERT_MAX_RANK = 8, LITERT_LOCK_WRITE = 1, LITERT_CPU = 1, LITERT_RANKED = 0 };

// Only tag 24 (which accelerators to register) with an integer (type 2) is used.
struct litert_environment_option {
    int tag;
    struct {
        int type;
        int64_t integer;
    } value;
};

struct litert_layout {
    unsigned rank : 7;
    unsigned has_strides : 1;
    int32_t dimensions[LITERT_MAX_RANK];
    uint32_t strides[LITERT_MAX_RANK];
};

struct litert_tensor_type {
    int element;
    struct litert_layout layout;
};

struct litert_event {
    const char *tag;
    int type;
    uint64_t start_us;
    uint64_t elapsed_us;
    size_t memory[6];
    uint64_t metadata1;
    uint64_t metadata2;
    int source;
};

_Static_assert(sizeof(struct litert_environment_option) == 24, "LiteRtEnvOption");
_Static_assert(sizeof(struct litert_tensor_type) == 72, "LiteRtRankedTensorType");
// 32-bit programs use another runtime (see runtime.c).
_Static_assert(sizeof(void *) == 4 || sizeof(struct litert_event) == 104, "ProfiledEventData");

#define LITERT_FUNCTIONS(X)                                                                        \
    X(int, CreateEnvironment, (int, const struct litert_environment_option *, litert_environment *)) \
    X(int, CreateModelFromFile, (litert_environment, const char *, litert_file *))                 \
    X(void, DestroyModel, (litert_file))                                                           \
    X(int, GetNumModelSignatures, (litert_file, size_t *))                                         \
    X(int, GetModelSignature, (litert_file, size_t, litert_signature *))                           \
    X(int, GetNumModelSubgraphs, (litert_file, size_t *))                                          \
    X(int, GetModelSubgraph, (litert_file, size_t, litert_subgraph *))                             \
    X(int, GetSignatureKey, (litert_signature, const char **))                                     \
    X(int, GetSignatureSubgraph, (litert_signature, litert_subgraph *))                            \
    X(int, GetNumSignatureInputs, (litert_signature, size_t *))                                    \
    X(int, GetNumSignatureOutputs, (litert_signature, size_t *))                                   \
    X(int, GetSignatureInputName, (litert_signature, size_t, const char **))                       \
    X(int, GetSignatureOutputName, (litert_signature, size_t, const char **))                      \
    X(int, GetSignatureInputTensorByIndex, (litert_signature, size_t, litert_tensor *))            \
    X(int, GetSignatureOutputTensorByIndex, (litert_signature, size_t, litert_tensor *))           \
    X(int, GetTensorTypeId, (litert_tensor, int *))                                                \
    X(int, GetRankedTensorType, (litert_tensor, struct litert_tensor_type *))                      \
    X(int, GetUnrankedTensorType, (litert_tensor, int *))                                          \
    X(int, CreateOptions, (litert_options *))                                                      \
    X(void, DestroyOptions, (litert_options))                                                      \
    X(int, SetOptionsHardwareAccelerators, (litert_options, int))                                  \
    X(int, CreateOpaqueOptions, (const char *, void *, void (*)(void *), litert_opaque *))         \
    X(int, AddOpaqueOptions, (litert_options, litert_opaque))                                      \
    X(int, CreateCompiledModel, (litert_environment, litert_file, litert_options, litert_compiled *)) \
    X(void, DestroyCompiledModel, (litert_compiled))                                               \
    X(int, CompiledModelResizeInputTensor, (litert_compiled, size_t, size_t, const int32_t *, size_t)) \
    X(int, CompiledModelResizeInputTensorNonStrict,                                                \
      (litert_compiled, size_t, size_t, const int32_t *, size_t))                                  \
    X(int, GetCompiledModelInputTensorLayout,                                                      \
      (litert_compiled, size_t, size_t, struct litert_layout *))                                   \
    X(int, GetCompiledModelOutputTensorLayouts,                                                    \
      (litert_compiled, size_t, size_t, struct litert_layout *, bool))                             \
    X(int, GetCompiledModelInputBufferRequirements,                                                \
      (litert_compiled, size_t, size_t, litert_requirements *))                                    \
    X(int, GetCompiledModelOutputBufferRequirements,                                               \
      (litert_compiled, size_t, size_t, litert_requirements *))                                    \
    X(int, CreateManagedTensorBufferFromRequirements,                                              \
      (litert_environment, const struct litert_tensor_type *, litert_requirements, litert_buffer *)) \
    X(int, GetTensorBufferPackedSize, (litert_buffer, size_t *))                                   \
    X(int, LockTensorBuffer, (litert_buffer, void **, int))                                        \
    X(int, UnlockTensorBuffer, (litert_buffer))                                                    \
    X(void, DestroyTensorBuffer, (litert_buffer))                                                  \
    X(int, RunCompiledModel,                                                                       \
      (litert_compiled, size_t, size_t, litert_buffer *, size_t, litert_buffer *))                 \
    X(int, CompiledModelGetErrorMessages, (litert_compiled, char **))                              \
    X(int, CompiledModelGetProfiler, (litert_compiled, litert_profiler *))                         \
    X(int, StartProfiler, (litert_profiler))                                                       \
    X(int, ResetProfiler, (litert_profiler))                                                       \
    X(int, GetNumProfilerEvents, (litert_profiler, int *))                                         \
    X(int, GetProfilerEvents, (litert_profiler, int, struct litert_event *))

struct litert {
#define DECLARE(result, name, parameters) result(*name) parameters;
    LITERT_FUNCTIONS(DECLARE)
#undef DECLARE
};

extern struct litert litert;

// Finds the functions in a loaded library; fails with the name of what is missing.
void litert_find(void *library, const char *path);

const char *litert_status_name(int status);

// Calls a function that returns a status; on failure ends the process with an error record
// that names the call. `handle`, when known, is asked for its own messages.
#define LITERT_CALL(where, model, handle, function, ...) \
    litert_check(litert.function(__VA_ARGS__), where, model, handle, "LiteRt" #function)

void litert_check(int status, const char *where, int model, litert_compiled handle, const char *call);
