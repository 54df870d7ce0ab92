#include "runtime.h"

#include "failure.h"

#include <dlfcn.h>

const struct runtime_api *runtime;

void runtime_load(const char *path)
{
    void *library = dlopen(path, RTLD_NOW | RTLD_GLOBAL);

    if (!library)
        fail(EXIT_RUNTIME, "library", NO_MODEL, "%s", dlerror());
    if (dlsym(library, "LiteRtCreateEnvironment"))
        runtime = sizeof(void *) == 8 ? &litert_api : NULL;
    else if (dlsym(library, "TfLiteInterpreterCreate"))
        runtime = &tflite_api;
    else
        fail(EXIT_RUNTIME, "library", NO_MODEL,
             "%s is no inference library: it has neither LiteRtCreateEnvironment (LiteRT) nor "
             "TfLiteInterpreterCreate (TensorFlow Lite)",
             path);
    if (!runtime)
        fail(EXIT_RUNTIME, "library", NO_MODEL,
             "%s is a LiteRT library for 32 bit, whose interface the runner does not know: use "
             "libtensorflowlite_c.so, or a 64-bit phone",
             path);
    runtime->find(library, path);
}
