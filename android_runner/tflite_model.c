// TensorFlow Lite: from a file to an interpreter.
#include "failure.h"
#include "signals.h"
#include "tflite.h"

#include <string.h>

void tflite_open(const struct options *options)
{
    const char *wrong = NULL;

    if (!strcmp(options->kernel_mode, "reference"))
        wrong = "`kernels=reference`: has no reference kernels; use builtin or xnnpack";
    else if (options->weight_cache)
        wrong = "`weight_cache`: takes none; leave it out, or use a LiteRT library";
    else if (options->xnnpack_flags >= 0)
        wrong = "`xnnpack_flags`: takes none; leave them out, or use a LiteRT library";
    if (wrong)
        fail(EXIT_RUNTIME, "compile", NO_MODEL, "the C interface of TensorFlow Lite, %s", wrong);
}

// A delegate that takes nothing. After it the interpreter lets no other delegate in, not even
// XNNPACK, which most builds otherwise apply by themselves.
static int take_nothing(tflite_context context, tflite_delegate delegate)
{
    (void)context, (void)delegate;
    return 0;
}

static tflite_delegate xnnpack(const struct model *model, const struct options *options)
{
    struct tflite_xnnpack_options wanted;
    tflite_delegate delegate;

    if (!tflite.XNNPackDelegateCreate)
        return NULL;  // then it is up to the library
    if (options->threads == 1) {
        delegate = tflite.XNNPackDelegateCreate(NULL);
    } else {
        // Without this function the options are so few that they are returned in another way.
        if (!tflite.XNNPackDelegateGetFlags || !tflite.XNNPackDelegateOptionsDefault)
            fail(EXIT_RUNTIME, "compile", model->index,
                 "this library is too old for XNNPACK with several threads; use threads=1");
        wanted = tflite.XNNPackDelegateOptionsDefault();
        wanted.threads = (int32_t)options->threads;
        delegate = tflite.XNNPackDelegateCreate(&wanted);
    }
    if (!delegate)
        tflite_fail("compile", model->index, NO_STATUS, "TfLiteXNNPackDelegateCreate");
    return delegate;
}

static void load(struct model *model)
{
    signals_doing("load", model->index);
    if (tflite.ModelCreateFromFileWithErrorReporter)
        model->file = tflite.ModelCreateFromFileWithErrorReporter(model->path, tflite_report, NULL);
    else
        model->file = tflite.ModelCreateFromFile(model->path);
    if (!model->file)
        tflite_fail("load", model->index, NO_STATUS, "TfLiteModelCreateFromFile");
}

void tflite_compile(struct model *model, enum variant variant, const struct options *options)
{
    static struct tflite_delegate nothing = {.prepare = take_nothing};
    struct compiled *compiled = &model->compiled[variant];
    tflite_options all;

    if (!model->file)
        load(model);
    signals_doing("compile", model->index);
    all = tflite.InterpreterOptionsCreate();
    tflite.InterpreterOptionsSetNumThreads(all, (int32_t)options->threads);
    tflite.InterpreterOptionsSetErrorReporter(all, tflite_report, NULL);
    if (strcmp(options->kernel_mode, "builtin"))
        compiled->delegate = xnnpack(model, options);
    if (compiled->delegate)
        tflite.InterpreterOptionsAddDelegate(all, compiled->delegate);
    else if (!strcmp(options->kernel_mode, "builtin"))
        tflite.InterpreterOptionsAddDelegate(all, &nothing);
    if (variant == PROFILED && (compiled->profiler = tflite_listen()))
        tflite.InterpreterOptionsSetTelemetryProfiler(all, compiled->profiler);
    compiled->handle = tflite.InterpreterCreate(model->file, all);
    tflite.InterpreterOptionsDelete(all);
    if (!compiled->handle)
        tflite_fail("compile", model->index, NO_STATUS, "TfLiteInterpreterCreate");
    // The weights are packed here. A model that must be resized first may fail now, and says so later.
    tflite.InterpreterAllocateTensors(compiled->handle);
    tflite_forget_reports();
}

void tflite_discard(struct model *model, enum variant variant)
{
    struct compiled *compiled = &model->compiled[variant];

    tflite.InterpreterDelete(compiled->handle);
    if (compiled->delegate && tflite.XNNPackDelegateDelete)
        tflite.XNNPackDelegateDelete(compiled->delegate);
    tflite.ModelDelete(model->file);
    compiled->handle = compiled->delegate = NULL;
    model->file = NULL;
}
