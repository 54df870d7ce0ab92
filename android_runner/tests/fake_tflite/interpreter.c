#include "fake.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void report(const struct tflite_options *options, const char *format, ...)
{
    va_list list;

    va_start(list, format);
    options->reporter(options->reporter_data, format, list);
    va_end(list);
}

int refused(const struct tflite_options *options, const char *function)
{
    int status = scripted(function);

    if (status && options && options->reporter && setting("report"))
        report(options, "%s", setting("report"));
    return status;
}

tflite_file TfLiteModelCreateFromFile(const char *path)
{
    tflite_file file;

    if (scripted(__func__) || access(path, R_OK))
        return NULL;
    file = calloc(1, sizeof *file);
    snprintf(file->path, sizeof file->path, "%s", path);
    trace("load\n");
    return file;
}

void TfLiteModelDelete(tflite_file file)
{
    free(file);
}

tflite_options TfLiteInterpreterOptionsCreate(void)
{
    return calloc(1, sizeof(struct tflite_options));
}

void TfLiteInterpreterOptionsDelete(tflite_options options)
{
    free(options);
}

void TfLiteInterpreterOptionsSetNumThreads(tflite_options options, int32_t threads)
{
    options->threads = threads;
    trace("threads %d\n", threads);
}

void TfLiteInterpreterOptionsSetErrorReporter(tflite_options options, tflite_reporter *reporter, void *data)
{
    options->reporter = reporter;
    options->reporter_data = data;
}

void TfLiteInterpreterOptionsAddDelegate(tflite_options options, tflite_delegate delegate)
{
    options->delegates[options->delegate_count++] = delegate;
}

static void tensor_set(struct tflite_tensor *tensor, const int *dimensions, int rank)
{
    tensor->rank = rank;
    tensor->bytes = tensor->type == ELEMENT_INT8 ? 1 : 4;
    for (int d = 0; d < rank; d++) {
        tensor->dimensions[d] = dimensions[d];
        tensor->bytes *= (size_t)dimensions[d];
    }
}

tflite_interpreter TfLiteInterpreterCreate(tflite_file file, tflite_options options)
{
    static const int shape[16] = {1, 4, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
    tflite_interpreter interpreter;

    if (!file || refused(options, __func__))
        return NULL;
    interpreter = calloc(1, sizeof *interpreter);
    interpreter->options = *options;
    interpreter->input = (struct tflite_tensor){.name = "image:0", .type = number("type", ELEMENT_FLOAT32)};
    interpreter->output = (struct tflite_tensor){.name = "scores:0", .type = ELEMENT_FLOAT32};
    tensor_set(&interpreter->input, shape, number("rank", 2));
    tensor_set(&interpreter->output, shape, 2);
    for (int i = 0; i < options->delegate_count; i++) {
        tflite_delegate delegate = options->delegates[i];

        if (delegate == &fake_xnnpack)
            interpreter->has_xnnpack = true;
        else if (delegate->prepare(NULL, delegate))
            return NULL;
        interpreter->is_closed |= !delegate->flags;
    }
    trace("create xnnpack=%d telemetry=%d\n", interpreter->has_xnnpack, options->telemetry != NULL);
    return interpreter;
}

void TfLiteInterpreterDelete(tflite_interpreter interpreter)
{
    free(interpreter);
}

int32_t TfLiteInterpreterGetInputTensorCount(tflite_interpreter interpreter)
{
    return interpreter ? 1 : 0;
}

tflite_tensor TfLiteInterpreterGetInputTensor(tflite_interpreter interpreter, int32_t index)
{
    return index ? NULL : &interpreter->input;
}

int TfLiteInterpreterResizeInputTensor(tflite_interpreter interpreter, int32_t index, const int *dimensions,
                                       int32_t rank)
{
    int status = refused(&interpreter->options, __func__);

    if (status || index)
        return status ? status : ERROR;
    tensor_set(&interpreter->input, dimensions, rank);
    interpreter->is_allocated = false;
    trace("resize\n");
    return 0;
}

int TfLiteInterpreterAllocateTensors(tflite_interpreter interpreter)
{
    int output[2] = {interpreter->input.dimensions[0], 3};
    int status = refused(&interpreter->options, __func__);

    if (status)
        return status;
    if (setting("xnnpack") && interpreter->is_closed && !interpreter->has_xnnpack)
        report(&interpreter->options, "no further delegate is let in");
    else if (setting("xnnpack"))
        interpreter->has_xnnpack = true;
    tensor_set(&interpreter->output, output, 2);
    interpreter->is_allocated = true;
    return 0;
}

int TfLiteInterpreterInvoke(tflite_interpreter interpreter)
{
    int status = refused(&interpreter->options, __func__);

    return status ? status : fake_invoke(interpreter, 0);
}

int32_t TfLiteInterpreterGetOutputTensorCount(tflite_interpreter interpreter)
{
    return interpreter ? 1 : 0;
}

tflite_tensor TfLiteInterpreterGetOutputTensor(tflite_interpreter interpreter, int32_t index)
{
    return index ? NULL : &interpreter->output;
}

int TfLiteTensorType(tflite_tensor tensor)
{
    return tensor->type;
}

int32_t TfLiteTensorNumDims(tflite_tensor tensor)
{
    return tensor->rank;
}

int32_t TfLiteTensorDim(tflite_tensor tensor, int32_t index)
{
    return tensor->dimensions[index];
}

size_t TfLiteTensorByteSize(tflite_tensor tensor)
{
    return tensor->bytes;
}

void *TfLiteTensorData(tflite_tensor tensor)
{
    return scripted(__func__) ? NULL : tensor->data;
}

const char *TfLiteTensorName(tflite_tensor tensor)
{
    return tensor->name;
}
