// LiteRT: from a file to a compiled model.
#include "failure.h"
#include "litert_api.h"
#include "signals.h"

#include <limits.h>
#include <stdio.h>

enum {
    TAG_REGISTER_ACCELERATORS = 24,
    VALUE_INTEGER = 2,
    REPORT_TO_STDERR = 1,
    REPORT_TO_BUFFER = 2,
};

litert_environment litert_environment_in_use;

void litert_open(const struct options *options)
{
    const struct litert_environment_option cpu_only = {
        .tag = TAG_REGISTER_ACCELERATORS,
        .value = {.type = VALUE_INTEGER, .integer = LITERT_CPU},
    };

    (void)options;
    LITERT_CALL("library", NO_MODEL, NULL, CreateEnvironment, 1, &cpu_only,
                &litert_environment_in_use);
}

static void keep(void *text)
{
    (void)text;
}

static void add_options(const struct model *model, litert_options all, const char *name, char *text)
{
    litert_opaque some;

    LITERT_CALL("compile", model->index, NULL, CreateOpaqueOptions, name, text, keep, &some);
    LITERT_CALL("compile", model->index, NULL, AddOpaqueOptions, all, some);
}

// The texts are the library's for as long as it likes: one per use, never freed.
static litert_options compile_options(const struct model *model, enum variant variant,
                                      const struct options *options, int reporter)
{
    static char runtime[MAX_MODELS][VARIANTS][80], xnnpack[MAX_MODELS][VARIANTS][PATH_MAX + 160];
    char *text = xnnpack[model->index][variant], cache[PATH_MAX];
    size_t size = sizeof xnnpack[0][0];
    litert_options all;
    int used;

    LITERT_CALL("compile", model->index, NULL, CreateOptions, &all);
    LITERT_CALL("compile", model->index, NULL, SetOptionsHardwareAccelerators, all, LITERT_CPU);
    snprintf(runtime[model->index][variant], sizeof runtime[0][0],
             "enable_profiling = %s\nerror_reporter_mode = %d\n", variant == PROFILED ? "true" : "false",
             reporter);
    used = snprintf(text, size, "kernel_mode = \"%s\"\nnum_threads = %d\n", options->kernel_mode,
                    (int)options->threads);
    if (options->xnnpack_flags >= 0)
        used += snprintf(text + used, size - (size_t)used, "flags = %u\n", (unsigned)options->xnnpack_flags);
    if (options->weight_cache) {
        model_weight_cache(model, options, cache, sizeof cache);
        snprintf(text + used, size - (size_t)used, "weight_cache_file_path = \"%s\"\n", cache);
    }
    add_options(model, all, "runtime_options_string", runtime[model->index][variant]);
    add_options(model, all, "xnnpack", text);
    return all;
}

static int create(const struct model *model, litert_options all, struct compiled *compiled)
{
    return litert.CreateCompiledModel(litert_environment_in_use, model->file, all,
                                      (litert_compiled *)&compiled->handle);
}

void litert_compile(struct model *model, enum variant variant, const struct options *options)
{
    litert_options all = compile_options(model, variant, options, REPORT_TO_BUFFER);
    struct compiled *compiled = &model->compiled[variant];
    int status;

    if (!model->file) {
        signals_doing("load", model->index);
        LITERT_CALL("load", model->index, NULL, CreateModelFromFile, litert_environment_in_use,
                    model->path, (litert_file *)&model->file);
    }
    signals_doing("compile", model->index);
    status = create(model, all, compiled);
    litert.DestroyOptions(all);
    if (status) {
        // Its buffered messages died with it: once more, so that they are on standard error.
        all = compile_options(model, variant, options, REPORT_TO_STDERR);
        status = create(model, all, compiled);
    }
    litert_check(status, "compile", model->index, NULL, "LiteRtCreateCompiledModel");
    if (variant == PROFILED && litert.CompiledModelGetProfiler(compiled->handle, (litert_profiler *)&compiled->profiler))
        compiled->profiler = NULL;
}

void litert_discard(struct model *model, enum variant variant)
{
    litert.DestroyCompiledModel(model->compiled[variant].handle);
    litert.DestroyModel(model->file);
    model->compiled[variant].handle = NULL;
    model->file = NULL;
}
