// LiteRT: from a compiled model to one that can run.
#include "failure.h"
#include "litert_api.h"

#include <string.h>

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

static void keep_shape(struct port *port, const struct litert_layout *layout)
{
    port->rank = (int)layout->rank;
    for (int d = 0; d < port->rank; d++)
        port->dimensions[d] = layout->dimensions[d];
}

static void read_type(const struct model *model, litert_tensor tensor, struct port *port)
{
    struct litert_tensor_type type;
    int kind;

    LITERT_CALL("tensor", model->index, NULL, GetTensorTypeId, tensor, &kind);
    if (kind == LITERT_RANKED) {
        LITERT_CALL("tensor", model->index, NULL, GetRankedTensorType, tensor, &type);
        port->element = type.element;
        keep_shape(port, &type.layout);
        return;
    }
    port->rank = 0;
    LITERT_CALL("tensor", model->index, NULL, GetUnrankedTensorType, tensor, &port->element);
}

void litert_describe(struct model *model, enum variant variant, const char *wanted)
{
    litert_signature signature = find_signature(model, wanted);
    int index = model->index;
    litert_tensor tensor;

    (void)variant;
    LITERT_CALL("signature", index, NULL, GetNumSignatureInputs, signature, &model->input_count);
    LITERT_CALL("signature", index, NULL, GetNumSignatureOutputs, signature, &model->output_count);
    model_check_count(model, model->input_count, "inputs");
    model_check_count(model, model->output_count, "outputs");
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

void litert_resize(struct model *model, enum variant variant, size_t input, const int32_t *dimensions,
                   int rank, bool is_open)
{
    litert_compiled handle = model->compiled[variant].handle;

    if (is_open)
        LITERT_CALL("shape", model->index, handle, CompiledModelResizeInputTensor, handle,
                    model->signature_index, input, dimensions, (size_t)rank);
    else
        LITERT_CALL("shape", model->index, handle, CompiledModelResizeInputTensorNonStrict, handle,
                    model->signature_index, input, dimensions, (size_t)rank);
}

// The shapes the runtime will run, which the file may leave open.
static void read_shapes(struct model *model, litert_compiled handle)
{
    static struct litert_layout layouts[MAX_PORTS];

    for (size_t i = 0; i < model->input_count; i++) {
        LITERT_CALL("shape", model->index, handle, GetCompiledModelInputTensorLayout, handle,
                    model->signature_index, i, &layouts[0]);
        keep_shape(&model->inputs[i], &layouts[0]);
    }
    if (model->output_count)
        LITERT_CALL("allocate", model->index, handle, GetCompiledModelOutputTensorLayouts, handle,
                    model->signature_index, model->output_count, layouts, true);
    for (size_t i = 0; i < model->output_count; i++)
        keep_shape(&model->outputs[i], &layouts[i]);
}

static litert_buffer create_buffer(struct model *model, litert_compiled handle, struct port *port,
                                   litert_requirements requirements)
{
    struct litert_tensor_type type = {port->element, {.rank = port->rank & 0x7f}};
    litert_buffer buffer;

    for (int d = 0; d < port->rank; d++)
        type.layout.dimensions[d] = port->dimensions[d];
    LITERT_CALL("buffers", model->index, handle, CreateManagedTensorBufferFromRequirements,
                litert_environment_in_use, &type, requirements, &buffer);
    LITERT_CALL("buffers", model->index, handle, GetTensorBufferPackedSize, buffer, &port->bytes);
    return buffer;
}

void litert_allocate(struct model *model, enum variant variant)
{
    struct compiled *compiled = &model->compiled[variant];
    litert_compiled handle = compiled->handle;
    litert_requirements requirements;

    read_shapes(model, handle);
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

void *litert_lock_input(struct model *model, enum variant variant, size_t input)
{
    void *data;

    LITERT_CALL("input", model->index, NULL, LockTensorBuffer, model->compiled[variant].inputs[input], &data,
                LITERT_LOCK_WRITE);
    return data;
}

void litert_unlock_input(struct model *model, enum variant variant, size_t input)
{
    LITERT_CALL("input", model->index, NULL, UnlockTensorBuffer, model->compiled[variant].inputs[input]);
}
