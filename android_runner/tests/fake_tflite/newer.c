// What old libraries lack.
#include "fake.h"

#include <stdlib.h>
#include <string.h>

#ifndef FAKE_OLD

int TfLiteXNNPackDelegateGetFlags(tflite_delegate delegate)
{
    return (int)delegate->flags;
}

void TfLiteInterpreterOptionsSetTelemetryProfiler(tflite_options options, tflite_telemetry telemetry)
{
    options->telemetry = telemetry;
}

static const char *const keys[] = {"one", "two", "three"};

int32_t TfLiteInterpreterGetSignatureCount(tflite_interpreter interpreter)
{
    return interpreter ? number("signatures", 2) : 0;
}

const char *TfLiteInterpreterGetSignatureKey(tflite_interpreter interpreter, int32_t index)
{
    return interpreter ? keys[index] : NULL;
}

tflite_signature TfLiteInterpreterGetSignatureRunner(tflite_interpreter interpreter, const char *key)
{
    tflite_signature signature;

    if (refused(&interpreter->options, __func__))
        return NULL;
    signature = calloc(1, sizeof *signature);
    signature->interpreter = interpreter;
    while (strcmp(keys[signature->index], key))
        signature->index++;
    trace("signature %s\n", key);
    return signature;
}

void TfLiteSignatureRunnerDelete(tflite_signature signature)
{
    free(signature);
}

size_t TfLiteSignatureRunnerGetInputCount(tflite_signature signature)
{
    return signature ? 1 : 0;
}

const char *TfLiteSignatureRunnerGetInputName(tflite_signature signature, int32_t index)
{
    return signature && !index ? "image" : NULL;
}

tflite_tensor TfLiteSignatureRunnerGetInputTensor(tflite_signature signature, const char *name)
{
    return strcmp(name, "image") ? NULL : &signature->interpreter->input;
}

int TfLiteSignatureRunnerResizeInputTensor(tflite_signature signature, const char *name,
                                           const int *dimensions, int32_t rank)
{
    return TfLiteInterpreterResizeInputTensor(signature->interpreter, strcmp(name, "image"), dimensions,
                                              rank);
}

int TfLiteSignatureRunnerAllocateTensors(tflite_signature signature)
{
    return TfLiteInterpreterAllocateTensors(signature->interpreter);
}

int TfLiteSignatureRunnerInvoke(tflite_signature signature)
{
    int status = refused(&signature->interpreter->options, __func__);

    return status ? status : fake_invoke(signature->interpreter, signature->index);
}

size_t TfLiteSignatureRunnerGetOutputCount(tflite_signature signature)
{
    return signature ? 1 : 0;
}

const char *TfLiteSignatureRunnerGetOutputName(tflite_signature signature, int32_t index)
{
    return signature && !index ? "scores" : NULL;
}

tflite_tensor TfLiteSignatureRunnerGetOutputTensor(tflite_signature signature, const char *name)
{
    return strcmp(name, "scores") ? NULL : &signature->interpreter->output;
}

#endif
