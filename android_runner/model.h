// One .tflite file, the compiled models made of it and their buffers.
#pragma once

#include "litert.h"
#include "options.h"

enum { MAX_PORTS = 256 };

// An input or output of the signature.
struct port {
    const char *name;
    struct litert_tensor_type type;
    size_t bytes;
    bool from_file;
};

struct compiled {
    litert_compiled handle;
    litert_profiler profiler;  // NULL: the runtime provides none
    litert_buffer inputs[MAX_PORTS];
    litert_buffer outputs[MAX_PORTS];
};

struct model {
    int index;
    const char *path;
    litert_file file;
    size_t signature_index;
    const char *signature_key;
    int64_t subgraph;  // below zero: unknown
    size_t input_count, output_count;
    struct port inputs[MAX_PORTS], outputs[MAX_PORTS];
    struct compiled compiled[VARIANTS];
};

// Once, before any model is loaded.
void model_environment(void);
litert_environment model_environment_handle(void);

// Loads the file unless it is loaded and makes the compiled model: what `init` times.
void model_compile(struct model *model, enum variant variant, const struct options *options);

// Undoes model_compile for a model with no other variant and no buffers.
void model_discard(struct model *model, enum variant variant);

// Signature, shapes, buffers, inputs: afterwards it can run.
void model_prepare(struct model *model, enum variant variant, const struct options *options);

// Fails when an input or shape is given for a name that no model has.
void model_check_names(const struct model *models, int count, const struct options *options);

void model_write(const struct model *model);

// The path of this model's weight cache.
void model_weight_cache(const struct model *model, const struct options *options, char *path, size_t size);
