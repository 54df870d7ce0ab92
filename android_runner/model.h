// One .tflite file, the compiled models made of it and their buffers.
#pragma once

#include "elements.h"
#include "options.h"

#include <stddef.h>

enum { MAX_PORTS = 256 };

// An input or output of the signature.
struct port {
    const char *name;
    int element;
    int rank;
    int32_t dimensions[MAX_RANK];  // below zero: left open by the file
    size_t bytes;
    bool from_file;
};

// What these point at is the business of the runtime in use.
struct compiled {
    void *handle;
    void *profiler;  // NULL: it tells no events
    void *inputs[MAX_PORTS];
    void *outputs[MAX_PORTS];
    void *delegate;
    void *signature;
};

struct model {
    int index;
    const char *path;
    void *file;
    size_t signature_index;
    const char *signature_key;  // NULL: the file has no signatures
    int64_t subgraph;           // below zero: unknown
    size_t input_count, output_count;
    struct port inputs[MAX_PORTS], outputs[MAX_PORTS];
    struct compiled compiled[VARIANTS];
};

// Signature, shapes, buffers, inputs: afterwards a compiled model can run.
void model_prepare(struct model *model, enum variant variant, const struct options *options);

// Fails when an input or shape is given for a name that no model has.
void model_check_names(const struct model *models, int count, const struct options *options);

// Fails when a signature has more inputs or outputs than there is room for.
void model_check_count(const struct model *model, size_t count, const char *what);

void model_write(const struct model *model);

// The path of this model's weight cache.
void model_weight_cache(const struct model *model, const struct options *options, char *path, size_t size);
