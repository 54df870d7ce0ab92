#include "fake.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int LiteRtCreateEnvironment(int count, const struct litert_environment_option *options,
                            litert_environment *environment)
{
    SCRIPTED;
    *environment = (litert_environment)1;
    return count == 1 && options->tag == 24 && options->value.type == 2 ? 0 : INVALID;
}

int LiteRtCreateModelFromFile(litert_environment environment, const char *path, litert_file *file)
{
    (void)environment;
    SCRIPTED;
    if (access(path, R_OK))
        return FILE_ERROR;
    *file = calloc(1, sizeof **file);
    snprintf((*file)->path, sizeof (*file)->path, "%s", path);
    trace("load\n");
    return 0;
}

void LiteRtDestroyModel(litert_file file)
{
    trace("unload\n");
    free(file);
}

int LiteRtGetNumModelSignatures(litert_file file, size_t *count)
{
    (void)file;
    SCRIPTED;
    *count = 2;
    return 0;
}

int LiteRtGetModelSignature(litert_file file, size_t index, litert_signature *signature)
{
    (void)file;
    SCRIPTED;
    *signature = (litert_signature)(index + 1);
    return 0;
}

int LiteRtGetNumModelSubgraphs(litert_file file, size_t *count)
{
    return LiteRtGetNumModelSignatures(file, count);
}

int LiteRtGetModelSubgraph(litert_file file, size_t index, litert_subgraph *subgraph)
{
    (void)file;
    SCRIPTED;
    *subgraph = (litert_subgraph)(index + 1);
    return 0;
}

int LiteRtGetSignatureKey(litert_signature signature, const char **key)
{
    SCRIPTED;
    *key = (size_t)signature == 1 ? "one" : "two";
    return 0;
}

int LiteRtGetSignatureSubgraph(litert_signature signature, litert_subgraph *subgraph)
{
    SCRIPTED;
    *subgraph = (litert_subgraph)signature;
    return 0;
}

int LiteRtGetNumSignatureInputs(litert_signature signature, size_t *count)
{
    (void)signature;
    SCRIPTED;
    *count = 1;
    return 0;
}

int LiteRtGetNumSignatureOutputs(litert_signature signature, size_t *count)
{
    (void)signature;
    SCRIPTED;
    *count = 1;
    return 0;
}

int LiteRtGetSignatureInputName(litert_signature signature, size_t index, const char **name)
{
    (void)signature, (void)index;
    SCRIPTED;
    *name = "image";
    return 0;
}

int LiteRtGetSignatureOutputName(litert_signature signature, size_t index, const char **name)
{
    (void)signature, (void)index;
    SCRIPTED;
    *name = "scores \"\xff\"";
    return 0;
}

int LiteRtGetSignatureInputTensorByIndex(litert_signature signature, size_t index, litert_tensor *tensor)
{
    (void)signature, (void)index;
    SCRIPTED;
    *tensor = (litert_tensor)1;
    return 0;
}

int LiteRtGetSignatureOutputTensorByIndex(litert_signature signature, size_t index, litert_tensor *tensor)
{
    (void)signature, (void)index;
    SCRIPTED;
    *tensor = (litert_tensor)2;
    return 0;
}

int LiteRtGetTensorTypeId(litert_tensor tensor, int *kind)
{
    (void)tensor;
    SCRIPTED;
    *kind = LITERT_RANKED;
    return 0;
}

struct litert_layout file_layout(void)
{
    struct litert_layout layout = {.rank = 2, .dimensions = {1, 4}};
    char *at = (char *)setting("dims");

    for (layout.rank = at ? 0 : 2; at && *at; layout.rank++) {
        layout.dimensions[layout.rank] = (int32_t)strtol(at, &at, 10);
        at += *at == ',';
    }
    return layout;
}

int LiteRtGetRankedTensorType(litert_tensor tensor, struct litert_tensor_type *type)
{
    SCRIPTED;
    *type = (struct litert_tensor_type){ELEMENT_FLOAT32, {.rank = 2, .dimensions = {1, 3}}};
    if ((size_t)tensor == 1)
        *type = (struct litert_tensor_type){number("type", ELEMENT_FLOAT32), file_layout()};
    return 0;
}

int LiteRtGetUnrankedTensorType(litert_tensor tensor, int *type)
{
    (void)tensor;
    SCRIPTED;
    *type = ELEMENT_FLOAT32;
    return 0;
}
