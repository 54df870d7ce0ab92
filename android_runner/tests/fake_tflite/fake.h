// A library with the C interface of TensorFlow Lite that does what the environment variable
// FAKE_LITERT says, like ../fake_litert. Built with -DFAKE_OLD it lacks what old ones lack.
//
//   fail=FUNCTION:STATUS:N    the Nth call of the function returns the status, or NULL
//   report=TEXT               what is reported as an error by a call that fails
//   run_us=N                  a run takes so long, and each operator as long again
//   signatures=N              how many the file has (2)
//   type=N, rank=N            of the input
//   xnnpack=own               the library applies XNNPACK by itself, where it may
//   kernels=N                 kernels its delegate reports (2; 0: it is silent)
//   begun=N                   kernels that begin and end in it, after those (0)
//   nested=1                  and in each of them another
//   measured=1                the reported ones take what the clock says, else (N + 1) * 10 microseconds
//   crash=SIGNAL:N            the Nth run raises the signal
//   loop=1                    there is a WHILE that runs twice
//   unnamed=1                 an operator begins, and one is reported, that have no name
//   page=FILE                 every piece of work adds 10, 640 and 1 to the first words
//   trace=FILE                calls that matter, a line each
#pragma once

#include "../../tflite.h"

enum { ERROR = 1 };

struct tflite_file {
    char path[512];
};

struct tflite_tensor {
    const char *name;
    int type, rank;
    int dimensions[16];
    size_t bytes;
    char data[4096];
};

struct tflite_options {
    int threads;
    tflite_reporter *reporter;
    void *reporter_data;
    tflite_telemetry telemetry;
    tflite_delegate delegates[4];
    int delegate_count;
};

struct tflite_interpreter {
    struct tflite_options options;
    struct tflite_tensor input, output;
    bool is_allocated, is_closed, has_xnnpack;
};

struct tflite_signature {
    struct tflite_interpreter *interpreter;
    int index;
};

// From ../fake_litert/script.c.
const char *setting(const char *name);
int number(const char *name, int otherwise);
void trace(const char *format, ...) __attribute__((format(printf, 1, 2)));
int scripted(const char *function);

// Whether the script wants this call to fail; then what it reports is reported.
int refused(const struct tflite_options *options, const char *function);

// What XNNPACK's delegate looks like from outside.
extern struct tflite_delegate fake_xnnpack;

int fake_invoke(tflite_interpreter interpreter, int subgraph);

int TfLiteInterpreterAllocateTensors(tflite_interpreter interpreter);
int TfLiteInterpreterResizeInputTensor(tflite_interpreter interpreter, int32_t index, const int *dimensions,
                                       int32_t rank);
