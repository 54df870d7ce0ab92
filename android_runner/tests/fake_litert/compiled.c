#include "fake.h"

#include <stdlib.h>
#include <string.h>

int LiteRtCreateOptions(litert_options *options)
{
    SCRIPTED;
    *options = calloc(1, sizeof **options);
    return 0;
}

void LiteRtDestroyOptions(litert_options options)
{
    free(options);
}

int LiteRtSetOptionsHardwareAccelerators(litert_options options, int accelerators)
{
    (void)options;
    SCRIPTED;
    return accelerators == LITERT_CPU ? 0 : INVALID;
}

int LiteRtCreateOpaqueOptions(const char *name, void *text, void (*destroy)(void *), litert_opaque *opaque)
{
    (void)destroy;
    SCRIPTED;
    *opaque = calloc(1, sizeof **opaque);
    **opaque = (struct litert_opaque){name, text};
    trace("%s: %s", name, (char *)text);
    return 0;
}

int LiteRtAddOpaqueOptions(litert_options options, litert_opaque opaque)
{
    SCRIPTED;
    options->profiled |= strstr(opaque->text, "enable_profiling = true") != NULL;
    free(opaque);
    return 0;
}

int LiteRtCreateCompiledModel(litert_environment environment, litert_file file, litert_options options,
                              litert_compiled *compiled)
{
    (void)environment;
    SCRIPTED;
    *compiled = calloc(1, sizeof **compiled);
    (*compiled)->file = file;
    (*compiled)->profiled = options->profiled;
    (*compiled)->input = file_layout();
    trace("compile\n");
    return 0;
}

void LiteRtDestroyCompiledModel(litert_compiled compiled)
{
    trace("discard\n");
    free(compiled);
}

int LiteRtCompiledModelResizeInputTensor(litert_compiled compiled, size_t signature, size_t input,
                                         const int32_t *dimensions, size_t rank)
{
    (void)signature, (void)input;
    SCRIPTED;
    compiled->input.rank = rank & 7;
    memcpy(compiled->input.dimensions, dimensions, rank * sizeof *dimensions);
    trace("resize\n");
    return 0;
}

int LiteRtCompiledModelResizeInputTensorNonStrict(litert_compiled compiled, size_t signature, size_t input,
                                                  const int32_t *dimensions, size_t rank)
{
    SCRIPTED;
    trace("not strict: ");
    return LiteRtCompiledModelResizeInputTensor(compiled, signature, input, dimensions, rank);
}

int LiteRtGetCompiledModelInputTensorLayout(litert_compiled compiled, size_t signature, size_t input,
                                            struct litert_layout *layout)
{
    (void)signature, (void)input;
    SCRIPTED;
    *layout = compiled->input;
    return 0;
}

int LiteRtGetCompiledModelOutputTensorLayouts(litert_compiled compiled, size_t signature, size_t count,
                                              struct litert_layout *layouts, bool update)
{
    (void)signature;
    SCRIPTED;
    if (count != 1 || !update)
        return INVALID;
    layouts[0] = (struct litert_layout){.rank = 2, .dimensions = {compiled->input.dimensions[0], 3}};
    return 0;
}

int LiteRtGetCompiledModelInputBufferRequirements(litert_compiled compiled, size_t signature, size_t index,
                                                  litert_requirements *requirements)
{
    (void)signature, (void)index;
    SCRIPTED;
    *requirements = (litert_requirements)compiled;
    return 0;
}

int LiteRtGetCompiledModelOutputBufferRequirements(litert_compiled compiled, size_t signature, size_t index,
                                                   litert_requirements *requirements)
{
    (void)signature, (void)index;
    SCRIPTED;
    *requirements = (litert_requirements)compiled;
    return 0;
}

int LiteRtCreateManagedTensorBufferFromRequirements(litert_environment environment,
                                                    const struct litert_tensor_type *type,
                                                    litert_requirements requirements, litert_buffer *buffer)
{
    size_t bits = (size_t)(type->element == ELEMENT_INT4 || type->element == ELEMENT_UINT4 ? 4
                           : type->element == ELEMENT_INT2                                ? 2
                           : type->element == ELEMENT_FLOAT64 || type->element == ELEMENT_INT64 ||
                                   type->element == ELEMENT_UINT64 || type->element == ELEMENT_COMPLEX64
                               ? 64
                           : type->element == ELEMENT_FLOAT32 || type->element == ELEMENT_INT32 ||
                                   type->element == ELEMENT_UINT32
                               ? 32
                           : type->element == ELEMENT_BOOL || type->element == ELEMENT_INT8 ||
                                   type->element == ELEMENT_UINT8
                               ? 8
                               : 16);

    (void)environment, (void)requirements;
    SCRIPTED;
    for (unsigned i = 0; i < type->layout.rank; i++) {
        if (type->layout.dimensions[i] < 0)
            return INVALID;
        bits *= (size_t)type->layout.dimensions[i];
    }
    *buffer = calloc(1, sizeof **buffer);
    (*buffer)->size = (bits + 7) / 8;
    return (*buffer)->size <= sizeof (*buffer)->data ? 0 : INVALID;
}

int LiteRtGetTensorBufferPackedSize(litert_buffer buffer, size_t *size)
{
    SCRIPTED;
    *size = buffer->size;
    return 0;
}

int LiteRtLockTensorBuffer(litert_buffer buffer, void **data, int mode)
{
    SCRIPTED;
    *data = buffer->data;
    return mode == LITERT_LOCK_WRITE ? 0 : INVALID;
}

int LiteRtUnlockTensorBuffer(litert_buffer buffer)
{
    (void)buffer;
    SCRIPTED;
    return 0;
}

void LiteRtDestroyTensorBuffer(litert_buffer buffer)
{
    free(buffer);
}
