// TensorFlow Lite: from an interpreter to one that can run. Where the library and the file have
// signatures, what runs is a signature, else the interpreter's main subgraph.
#include "failure.h"
#include "tflite.h"

#include <string.h>

static bool has_signatures(tflite_interpreter interpreter)
{
    return tflite.InterpreterGetSignatureCount && tflite.InterpreterGetSignatureKey &&
           tflite.InterpreterGetSignatureRunner && tflite.SignatureRunnerGetInputCount &&
           tflite.SignatureRunnerGetInputName && tflite.SignatureRunnerGetInputTensor &&
           tflite.SignatureRunnerResizeInputTensor && tflite.SignatureRunnerAllocateTensors &&
           tflite.SignatureRunnerInvoke && tflite.SignatureRunnerGetOutputCount &&
           tflite.SignatureRunnerGetOutputName && tflite.SignatureRunnerGetOutputTensor &&
           tflite.InterpreterGetSignatureCount(interpreter) > 0;
}

// The signature asked for, or the first. A file with one keeps it in the main subgraph; of several
// this interface does not tell which is where.
static void find_signature(struct model *model, struct compiled *compiled, const char *wanted)
{
    int32_t count = tflite.InterpreterGetSignatureCount(compiled->handle);

    for (int32_t i = 0; i < count; i++) {
        const char *key = tflite.InterpreterGetSignatureKey(compiled->handle, i);

        if (wanted && strcmp(key, wanted))
            continue;
        model->signature_index = (size_t)i;
        model->signature_key = key;
        model->subgraph = count == 1 ? 0 : -1;
        compiled->signature = tflite.InterpreterGetSignatureRunner(compiled->handle, key);
        if (!compiled->signature)
            tflite_fail("signature", model->index, NO_STATUS, "TfLiteInterpreterGetSignatureRunner");
        return;
    }
    fail(EXIT_RUNTIME, "signature", model->index, "%s has no signature %s", model->path, wanted);
}

static void read_shape(const struct model *model, tflite_tensor tensor, struct port *port)
{
    port->element = tflite.TensorType(tensor);
    port->rank = tflite.TensorNumDims(tensor);
    if (port->rank > MAX_RANK)
        fail(EXIT_RUNTIME, "tensor", model->index, "%s has %d dimensions, more than %d", port->name,
             port->rank, MAX_RANK);
    for (int d = 0; d < port->rank; d++)
        port->dimensions[d] = tflite.TensorDim(tensor, d);
    port->bytes = tflite.TensorByteSize(tensor);
}

static void read_ports(struct model *model, struct compiled *compiled)
{
    tflite_interpreter interpreter = compiled->handle;
    tflite_signature signature = compiled->signature;

    for (size_t i = 0; i < model->input_count; i++) {
        struct port *port = &model->inputs[i];
        const char *key = signature ? tflite.SignatureRunnerGetInputName(signature, (int32_t)i) : NULL;
        tflite_tensor tensor = signature ? tflite.SignatureRunnerGetInputTensor(signature, key)
                                         : tflite.InterpreterGetInputTensor(interpreter, (int32_t)i);

        compiled->inputs[i] = tensor;
        port->name = key ? key : tflite.TensorName(tensor);
        read_shape(model, tensor, port);
    }
    for (size_t i = 0; i < model->output_count; i++) {
        struct port *port = &model->outputs[i];
        const char *key = signature ? tflite.SignatureRunnerGetOutputName(signature, (int32_t)i) : NULL;
        tflite_tensor tensor = signature ? tflite.SignatureRunnerGetOutputTensor(signature, key)
                                         : tflite.InterpreterGetOutputTensor(interpreter, (int32_t)i);

        compiled->outputs[i] = tensor;
        port->name = key ? key : tflite.TensorName(tensor);
        read_shape(model, tensor, port);
    }
}

void tflite_describe(struct model *model, enum variant variant, const char *wanted)
{
    struct compiled *compiled = &model->compiled[variant];
    tflite_interpreter interpreter = compiled->handle;

    if (has_signatures(interpreter)) {
        find_signature(model, compiled, wanted);
        model->input_count = tflite.SignatureRunnerGetInputCount(compiled->signature);
        model->output_count = tflite.SignatureRunnerGetOutputCount(compiled->signature);
    } else if (wanted) {
        fail(EXIT_RUNTIME, "signature", model->index,
             "the signature %s cannot be found: the file has none, or the library cannot run them", wanted);
    } else {
        model->input_count = (size_t)tflite.InterpreterGetInputTensorCount(interpreter);
        model->output_count = (size_t)tflite.InterpreterGetOutputTensorCount(interpreter);
    }
    model_check_count(model, model->input_count, "inputs");
    model_check_count(model, model->output_count, "outputs");
    read_ports(model, compiled);
}

void tflite_resize(struct model *model, enum variant variant, size_t input, const int32_t *dimensions,
                   int rank, bool is_open)
{
    const struct compiled *compiled = &model->compiled[variant];
    int status;

    (void)is_open;  // it never is: this interface shows an open dimension as 1
    if (compiled->signature)
        status = tflite.SignatureRunnerResizeInputTensor(compiled->signature, model->inputs[input].name,
                                                         dimensions, rank);
    else
        status = tflite.InterpreterResizeInputTensor(compiled->handle, (int32_t)input, dimensions, rank);
    if (status)
        tflite_fail("shape", model->index, status, "TfLiteInterpreterResizeInputTensor");
}

void tflite_allocate(struct model *model, enum variant variant)
{
    struct compiled *compiled = &model->compiled[variant];
    int status = compiled->signature ? tflite.SignatureRunnerAllocateTensors(compiled->signature)
                                     : tflite.InterpreterAllocateTensors(compiled->handle);

    if (status)
        tflite_fail("allocate", model->index, status, "TfLiteInterpreterAllocateTensors");
    read_ports(model, compiled);
}

void *tflite_lock_input(struct model *model, enum variant variant, size_t input)
{
    void *data = tflite.TensorData(model->compiled[variant].inputs[input]);

    if (!data && model->inputs[input].bytes)
        tflite_fail("input", model->index, NO_STATUS, "TfLiteTensorData");
    return data;
}

void tflite_unlock_input(struct model *model, enum variant variant, size_t input)
{
    (void)model, (void)variant, (void)input;
}
