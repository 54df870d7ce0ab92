// The second half of model.h: from a compiled model to one that can run.
#include "failure.h"
#include "inputs.h"
#include "model.h"
#include "signals.h"

#include <string.h>

enum { SEED_STRIDE = 1000003 };

static int64_t subgraph_of(const struct model *model, litert_signature signature)
{
    litert_subgraph wanted, subgraph;
    size_t count;

    LITERT_CALL("signature", model->index, NULL, GetSignatureSubgraph, signature, &wanted);
    LITERT_CALL("signature", model->index, NULL, GetNumModelSubgraphs, model->file, &count);
    for (size_t i = 0; i < count; i++) {
        LITERT_CALL("signature", model->index, NULL, GetModelSubgraph, model->file, i, &subgraph);
        if (subgraph == wanted)
            return (int64_t)i;
    }
    return -1;
}

// The signature asked for, or the first.
static litert_signature find_signature(struct model *model, const char *wanted)
{
    litert_signature signature;
    size_t count;

    LITERT_CALL("signature", model->index, NULL, GetNumModelSignatures, model->file, &count);
    for (size_t i = 0; i < count; i++) {
        LITERT_CALL("signature", model->index, NULL, GetModelSignature, model->file, i, &signature);
        LITERT_CALL("signature", model->index, NULL, GetSignatureKey, signature, &model->signature_key);
        if (wanted && strcmp(model->signature_key, wanted))
            continue;
        model->signature_index = i;
        model->subgraph = subgraph_of(model, signature);
        return signature;
    }
    fail(EXIT_RUNTIME, "signature", model->index, "%s has no signature %s", model->path,
         wanted ? wanted : "at all");
}

static void read_type(const struct model *model, litert_tensor tensor, struct port *port)
{
    int kind;

    LITERT_CALL("tensor", model->index, NULL, GetTensorTypeId, tensor, &kind);
    if (kind == LITERT_RANKED) {
        LITERT_CALL("tensor", model->index, NULL, GetRankedTensorType, tensor, &port->type);
        return;
    }
    port->type = (struct litert_tensor_type){0};
    LITERT_CALL("tensor", model->index, NULL, GetUnrankedTensorType, tensor, &port->type.element);
}

static void check_count(const struct model *model, size_t count, const char *what)
{
    if (count > MAX_PORTS)
        fail(EXIT_RUNTIME, "signature", model->index, "%s has %zu %s, more than %d", model->path, count,
             what, MAX_PORTS);
}

static void read_signature(struct model *model, const struct options *options)
{
    litert_signature signature = find_signature(model, options->signature);
    int index = model->index;
    litert_tensor tensor;

    LITERT_CALL("signature", index, NULL, GetNumSignatureInputs, signature, &model->input_count);
    LITERT_CALL("signature", index, NULL, GetNumSignatureOutputs, signature, &model->output_count);
    check_count(model, model->input_count, "inputs");
    check_count(model, model->output_count, "outputs");
    for (size_t i = 0; i < model->input_count; i++) {
        LITERT_CALL("tensor", index, NULL, GetSignatureInputName, signature, i, &model->inputs[i].name);
        LITERT_CALL("tensor", index, NULL, GetSignatureInputTensorByIndex, signature, i, &tensor);
        read_type(model, tensor, &model->inputs[i]);
    }
    for (size_t i = 0; i < model->output_count; i++) {
        LITERT_CALL("tensor", index, NULL, GetSignatureOutputName, signature, i, &model->outputs[i].name);
        LITERT_CALL("tensor", index, NULL, GetSignatureOutputTensorByIndex, signature, i, &tensor);
        read_type(model, tensor, &model->outputs[i]);
    }
}

static const struct named_shape *wanted_shape(const struct options *options, const char *name)
{
    for (int i = 0; i < options->shape_count; i++)
        if (!strcmp(options->shapes[i].name, name))
            return &options->shapes[i];
    return NULL;
}

static const char *wanted_file(const struct options *options, const char *name)
{
    for (int i = 0; i < options->input_count; i++)
        if (!strcmp(options->inputs[i].name, name))
            return options->inputs[i].path;
    return NULL;
}

// Dynamic dimensions become 1, unless a shape is given.
static void resize_input(struct model *model, litert_compiled handle, size_t i, const struct options *options)
{
    struct litert_layout *layout = &model->inputs[i].type.layout;
    const struct named_shape *shape = wanted_shape(options, model->inputs[i].name);
    int32_t dimensions[LITERT_MAX_RANK];
    size_t rank = shape ? (size_t)shape->rank : layout->rank;
    bool dynamic = false, other = rank != layout->rank;

    for (size_t d = 0; d < layout->rank; d++)
        dynamic |= layout->dimensions[d] < 0;
    for (size_t d = 0; d < rank; d++) {
        dimensions[d] = shape ? shape->dimensions[d] : layout->dimensions[d] < 0 ? 1 : layout->dimensions[d];
        other |= d < layout->rank && dimensions[d] != layout->dimensions[d];
    }
    if (dynamic)
        LITERT_CALL("shape", model->index, handle, CompiledModelResizeInputTensor, handle,
                    model->signature_index, i, dimensions, rank);
    else if (other)
        LITERT_CALL("shape", model->index, handle, CompiledModelResizeInputTensorNonStrict, handle,
                    model->signature_index, i, dimensions, rank);
}

// The shapes the runtime will run, which the file may leave open.
static void read_shapes(struct model *model, litert_compiled handle)
{
    static struct litert_layout layouts[MAX_PORTS];

    for (size_t i = 0; i < model->input_count; i++)
        LITERT_CALL("shape", model->index, handle, GetCompiledModelInputTensorLayout, handle,
                    model->signature_index, i, &model->inputs[i].type.layout);
    if (model->output_count)
        LITERT_CALL("allocate", model->index, handle, GetCompiledModelOutputTensorLayouts, handle,
                    model->signature_index, model->output_count, layouts, true);
    for (size_t i = 0; i < model->output_count; i++) {
        struct litert_layout *layout = &model->outputs[i].type.layout;

        layout->rank = layouts[i].rank;
        layout->has_strides = 0;
        memcpy(layout->dimensions, layouts[i].dimensions, sizeof layout->dimensions);
    }
}

static litert_buffer create_buffer(struct model *model, litert_compiled handle, struct port *port,
                                   litert_requirements requirements)
{
    litert_buffer buffer;

    LITERT_CALL("buffers", model->index, handle, CreateManagedTensorBufferFromRequirements,
                model_environment_handle(), &port->type, requirements, &buffer);
    LITERT_CALL("buffers", model->index, handle, GetTensorBufferPackedSize, buffer, &port->bytes);
    return buffer;
}

static void create_buffers(struct model *model, struct compiled *compiled)
{
    litert_compiled handle = compiled->handle;
    litert_requirements requirements;

    for (size_t i = 0; i < model->input_count; i++) {
        LITERT_CALL("buffers", model->index, handle, GetCompiledModelInputBufferRequirements, handle,
                    model->signature_index, i, &requirements);
        compiled->inputs[i] = create_buffer(model, handle, &model->inputs[i], requirements);
    }
    for (size_t i = 0; i < model->output_count; i++) {
        LITERT_CALL("buffers", model->index, handle, GetCompiledModelOutputBufferRequirements, handle,
                    model->signature_index, i, &requirements);
        compiled->outputs[i] = create_buffer(model, handle, &model->outputs[i], requirements);
    }
}

static void refuse_unusable(const struct model *model)
{
    for (size_t i = 0; i < model->input_count; i++) {
        int type = model->inputs[i].type.element;

        if (!inputs_can_be_random(type))
            fail(EXIT_RUNTIME, "input", model->index,
                 "input %s is of type %s (%d), which the runner cannot fill", model->inputs[i].name,
                 litert_type_name(type), type);
    }
}

static void fill_input(struct model *model, size_t i, litert_buffer buffer, const struct options *options)
{
    struct port *port = &model->inputs[i];
    const char *path = wanted_file(options, port->name);
    void *data;

    LITERT_CALL("input", model->index, NULL, LockTensorBuffer, buffer, &data, LITERT_LOCK_WRITE);
    if (path)
        inputs_read(path, model->index, port->name, data, port->bytes);
    else
        inputs_random((uint64_t)options->seed * SEED_STRIDE + i, port->type.element, data, port->bytes);
    LITERT_CALL("input", model->index, NULL, UnlockTensorBuffer, buffer);
    port->from_file = path;
}

static bool has_input(const struct model *models, int count, const char *name)
{
    for (int m = 0; m < count; m++)
        for (size_t i = 0; i < models[m].input_count; i++)
            if (!strcmp(models[m].inputs[i].name, name))
                return true;
    return false;
}

void model_check_names(const struct model *models, int count, const struct options *options)
{
    const char *unknown = NULL;

    for (int i = 0; i < options->input_count; i++)
        if (!has_input(models, count, options->inputs[i].name))
            unknown = options->inputs[i].name;
    for (int i = 0; i < options->shape_count; i++)
        if (!has_input(models, count, options->shapes[i].name))
            unknown = options->shapes[i].name;
    if (unknown)
        fail(EXIT_OPTIONS, "options", NO_MODEL, "no model has an input named `%s`", unknown);
}

void model_prepare(struct model *model, enum variant variant, const struct options *options)
{
    struct compiled *compiled = &model->compiled[variant];

    signals_doing("prepare", model->index);
    read_signature(model, options);
    refuse_unusable(model);
    for (size_t i = 0; i < model->input_count; i++)
        resize_input(model, compiled->handle, i, options);
    read_shapes(model, compiled->handle);
    create_buffers(model, compiled);
    for (size_t i = 0; i < model->input_count; i++)
        fill_input(model, i, compiled->inputs[i], options);
}
