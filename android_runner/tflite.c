#include "tflite.h"

#include "failure.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

struct tflite tflite;

static const struct symbol {
    const char *name;
    void **place;
    bool is_optional;
} symbols[] = {
#define SYMBOL(result, name, parameters) {"TfLite" #name, (void **)&tflite.name, false},
    TFLITE_FUNCTIONS(SYMBOL)
#undef SYMBOL
#define SYMBOL(result, name, parameters) {"TfLite" #name, (void **)&tflite.name, true},
    TFLITE_OPTIONAL_FUNCTIONS(SYMBOL)
#undef SYMBOL
};

static char reported[768];

void tflite_find(void *library, const char *path)
{
    for (size_t i = 0; i < sizeof symbols / sizeof *symbols; i++) {
        *symbols[i].place = dlsym(library, symbols[i].name);
        if (!*symbols[i].place && !symbols[i].is_optional)
            fail(EXIT_RUNTIME, "library", NO_MODEL,
                 "%s has no %s: a library with the C interface of TensorFlow Lite 2.4 or later is needed",
                 path, symbols[i].name);
    }
}

void tflite_report(void *data, const char *format, va_list arguments)
{
    size_t used = strlen(reported);

    (void)data;
    if (used && used + 2 < sizeof reported) {
        memcpy(reported + used, "; ", 3);
        used += 2;
    }
    vsnprintf(reported + used, sizeof reported - used, format, arguments);
}

void tflite_forget_reports(void)
{
    *reported = '\0';
}

void tflite_fail(const char *where, int model, int status, const char *call)
{
    static const char *const names[] = {"Ok", "Error", "DelegateError", "ApplicationError",
                                        "DelegateDataNotFound", "DelegateDataWriteError",
                                        "DelegateDataReadError", "UnresolvedOps", "Cancelled"};
    bool is_named = status > 0 && status < (int)(sizeof names / sizeof *names);
    char message[1024];

    snprintf(message, sizeof message, "%s failed%s%s%s%s", call, is_named ? ": " : "",
             is_named ? names[status] : "", *reported ? ": " : "", reported);
    fail_status(where, model, status, message);
}

static const char *version(void)
{
    return tflite.Version ? tflite.Version() : NULL;
}

static int run(const struct model *model, const struct compiled *compiled)
{
    (void)model;
    return compiled->signature ? tflite.SignatureRunnerInvoke(compiled->signature)
                               : tflite.InterpreterInvoke(compiled->handle);
}

static void check_run(struct model *model, enum variant variant, int status)
{
    const char *call = model->compiled[variant].signature ? "TfLiteSignatureRunnerInvoke"
                                                          : "TfLiteInterpreterInvoke";

    if (status)
        tflite_fail("run", model->index, status, call);
}

const struct runtime_api tflite_api = {
    .name = "tflite",
    .find = tflite_find,
    .version = version,
    .open = tflite_open,
    .compile = tflite_compile,
    .discard = tflite_discard,
    .describe = tflite_describe,
    .resize = tflite_resize,
    .allocate = tflite_allocate,
    .lock_input = tflite_lock_input,
    .unlock_input = tflite_unlock_input,
    .restart_events = tflite_restart_events,
    .run = run,
    .check_run = check_run,
    .events = tflite_events,
};
