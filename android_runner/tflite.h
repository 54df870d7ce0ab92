// The part of TensorFlow Lite's C interface the runner uses, declared by hand and found in the
// library at run time. It is the same for 32 and 64 bit.
#pragma once

#include "runtime.h"

#include <stdarg.h>

typedef struct tflite_file *tflite_file;  // TfLiteModel
typedef struct tflite_options *tflite_options;
typedef struct tflite_interpreter *tflite_interpreter;
typedef struct tflite_signature *tflite_signature;  // TfLiteSignatureRunner
typedef struct tflite_tensor *tflite_tensor;
typedef struct tflite_context *tflite_context;

typedef void tflite_reporter(void *data, const char *format, va_list arguments);

// TfLiteDelegate. Fields that newer libraries add come after these and may be zero.
typedef struct tflite_delegate {
    void *data;
    int (*prepare)(tflite_context context, struct tflite_delegate *delegate);
    void *copy_from_buffer, *copy_to_buffer, *free_buffer;
    int64_t flags;
    void *newer[8];
} *tflite_delegate;

// TfLiteXNNPackDelegateOptions: of what follows the first field every version has its own idea.
struct tflite_xnnpack_options {
    int32_t threads;
    char others[508];
};

// TfLiteTelemetryProfilerStruct: what the interpreter calls when something happens.
typedef struct tflite_telemetry {
    void *data;
    void (*event)(struct tflite_telemetry *telemetry, const char *name, uint64_t status);
    void (*operator_event)(struct tflite_telemetry *telemetry, const char *name, int64_t node,
                           int64_t subgraph, uint64_t status);
    void (*settings)(struct tflite_telemetry *telemetry, const char *name, const void *settings);
    uint32_t (*begin)(struct tflite_telemetry *telemetry, const char *name, int64_t node, int64_t subgraph);
    void (*end)(struct tflite_telemetry *telemetry, uint32_t handle);
    void (*report)(struct tflite_telemetry *telemetry, const char *name, uint64_t microseconds, int64_t node,
                   int64_t subgraph);
} *tflite_telemetry;

#define TFLITE_FUNCTIONS(X)                                                                \
    X(tflite_file, ModelCreateFromFile, (const char *))                                    \
    X(void, ModelDelete, (tflite_file))                                                    \
    X(tflite_options, InterpreterOptionsCreate, (void))                                    \
    X(void, InterpreterOptionsDelete, (tflite_options))                                    \
    X(void, InterpreterOptionsSetNumThreads, (tflite_options, int32_t))                    \
    X(void, InterpreterOptionsSetErrorReporter, (tflite_options, tflite_reporter *, void *)) \
    X(void, InterpreterOptionsAddDelegate, (tflite_options, tflite_delegate))              \
    X(tflite_interpreter, InterpreterCreate, (tflite_file, tflite_options))                \
    X(void, InterpreterDelete, (tflite_interpreter))                                       \
    X(int32_t, InterpreterGetInputTensorCount, (tflite_interpreter))                       \
    X(tflite_tensor, InterpreterGetInputTensor, (tflite_interpreter, int32_t))             \
    X(int, InterpreterResizeInputTensor, (tflite_interpreter, int32_t, const int *, int32_t)) \
    X(int, InterpreterAllocateTensors, (tflite_interpreter))                               \
    X(int, InterpreterInvoke, (tflite_interpreter))                                        \
    X(int32_t, InterpreterGetOutputTensorCount, (tflite_interpreter))                      \
    X(tflite_tensor, InterpreterGetOutputTensor, (tflite_interpreter, int32_t))            \
    X(int, TensorType, (tflite_tensor))                                                    \
    X(int32_t, TensorNumDims, (tflite_tensor))                                             \
    X(int32_t, TensorDim, (tflite_tensor, int32_t))                                        \
    X(size_t, TensorByteSize, (tflite_tensor))                                             \
    X(void *, TensorData, (tflite_tensor))                                                 \
    X(const char *, TensorName, (tflite_tensor))

// Not in every build or version; NULL where missing.
#define TFLITE_OPTIONAL_FUNCTIONS(X)                                                        \
    X(const char *, Version, (void))                                                        \
    X(tflite_file, ModelCreateFromFileWithErrorReporter, (const char *, tflite_reporter *, void *)) \
    X(void, InterpreterOptionsSetTelemetryProfiler, (tflite_options, tflite_telemetry))     \
    X(struct tflite_xnnpack_options, XNNPackDelegateOptionsDefault, (void))                 \
    X(tflite_delegate, XNNPackDelegateCreate, (const struct tflite_xnnpack_options *))      \
    X(void, XNNPackDelegateDelete, (tflite_delegate))                                       \
    X(int, XNNPackDelegateGetFlags, (tflite_delegate))                                      \
    X(int32_t, InterpreterGetSignatureCount, (tflite_interpreter))                          \
    X(const char *, InterpreterGetSignatureKey, (tflite_interpreter, int32_t))              \
    X(tflite_signature, InterpreterGetSignatureRunner, (tflite_interpreter, const char *))  \
    X(void, SignatureRunnerDelete, (tflite_signature))                                      \
    X(size_t, SignatureRunnerGetInputCount, (tflite_signature))                             \
    X(const char *, SignatureRunnerGetInputName, (tflite_signature, int32_t))               \
    X(tflite_tensor, SignatureRunnerGetInputTensor, (tflite_signature, const char *))       \
    X(int, SignatureRunnerResizeInputTensor, (tflite_signature, const char *, const int *, int32_t)) \
    X(int, SignatureRunnerAllocateTensors, (tflite_signature))                              \
    X(int, SignatureRunnerInvoke, (tflite_signature))                                       \
    X(size_t, SignatureRunnerGetOutputCount, (tflite_signature))                            \
    X(const char *, SignatureRunnerGetOutputName, (tflite_signature, int32_t))              \
    X(tflite_tensor, SignatureRunnerGetOutputTensor, (tflite_signature, const char *))

struct tflite {
#define DECLARE(result, name, parameters) result(*name) parameters;
    TFLITE_FUNCTIONS(DECLARE)
    TFLITE_OPTIONAL_FUNCTIONS(DECLARE)
#undef DECLARE
};

extern struct tflite tflite;

void tflite_find(void *library, const char *path);

// Keeps what the library reports as errors, for the next failure.
tflite_reporter tflite_report;

void tflite_forget_reports(void);

// Ends the process with an error record that names the call and tells what was reported.
_Noreturn void tflite_fail(const char *where, int model, int status, const char *call);

// tflite_model.c
void tflite_open(const struct options *options);
void tflite_compile(struct model *model, enum variant variant, const struct options *options);
void tflite_discard(struct model *model, enum variant variant);

// tflite_ports.c
void tflite_describe(struct model *model, enum variant variant, const char *wanted);
void tflite_resize(struct model *model, enum variant variant, size_t input, const int32_t *dimensions,
                   int rank, bool is_open);
void tflite_allocate(struct model *model, enum variant variant);
void *tflite_lock_input(struct model *model, enum variant variant, size_t input);
void tflite_unlock_input(struct model *model, enum variant variant, size_t input);

// tflite_events.c. The telemetry is NULL where the library has none.
tflite_telemetry tflite_listen(void);
void tflite_restart_events(struct model *model, enum variant variant);
struct runtime_event *tflite_events(struct model *model, enum variant variant, uint64_t start, uint64_t end,
                                    int *count);
