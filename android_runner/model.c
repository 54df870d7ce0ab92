#include "model.h"

#include "failure.h"
#include "inputs.h"
#include "records.h"
#include "signals.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

enum {
    TAG_REGISTER_ACCELERATORS = 24,
    VALUE_INTEGER = 2,
    REPORT_TO_STDERR = 1,
    REPORT_TO_BUFFER = 2,
};

static litert_environment environment;

void model_environment(void)
{
    const struct litert_environment_option cpu_only = {
        .tag = TAG_REGISTER_ACCELERATORS,
        .value = {.type = VALUE_INTEGER, .integer = LITERT_CPU},
    };

    LITERT_CALL("library", NO_MODEL, NULL, CreateEnvironment, 1, &cpu_only, &environment);
}

litert_environment model_environment_handle(void)
{
    return environment;
}

void model_weight_cache(const struct model *model, const struct options *options, char *path, size_t size)
{
    snprintf(path, size, model->index ? "%s.%d" : "%s", options->weight_cache, model->index);
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

void model_compile(struct model *model, enum variant variant, const struct options *options)
{
    litert_options all = compile_options(model, variant, options, REPORT_TO_BUFFER);
    struct compiled *compiled = &model->compiled[variant];
    int status;

    if (!model->file) {
        signals_doing("load", model->index);
        LITERT_CALL("load", model->index, NULL, CreateModelFromFile, environment, model->path, &model->file);
    }
    signals_doing("compile", model->index);
    status = litert.CreateCompiledModel(environment, model->file, all, &compiled->handle);
    litert.DestroyOptions(all);
    if (status) {
        // Its buffered messages died with it: once more, so that they are on standard error.
        all = compile_options(model, variant, options, REPORT_TO_STDERR);
        status = litert.CreateCompiledModel(environment, model->file, all, &compiled->handle);
    }
    litert_check(status, "compile", model->index, NULL, "LiteRtCreateCompiledModel");
    if (variant == PROFILED && litert.CompiledModelGetProfiler(compiled->handle, &compiled->profiler))
        compiled->profiler = NULL;
}

void model_discard(struct model *model, enum variant variant)
{
    litert.DestroyCompiledModel(model->compiled[variant].handle);
    litert.DestroyModel(model->file);
    model->compiled[variant].handle = NULL;
    model->file = NULL;
}

static void write_port(const struct port *port, bool is_input)
{
    record_object_begin(NULL);
    record_text("name", port->name);
    record_text("dtype", litert_type_name(port->type.element));
    record_list_begin("shape");
    for (unsigned i = 0; i < port->type.layout.rank; i++)
        record_integer(NULL, port->type.layout.dimensions[i]);
    record_list_end();
    record_unsigned("bytes", port->bytes);
    if (is_input)
        record_text("source", port->from_file ? "file" : "random");
    record_object_end();
}

void model_write(const struct model *model)
{
    record_begin("model");
    record_integer("m", model->index);
    record_text("path", model->path);
    record_text("signature", model->signature_key);
    record_unsigned("signature_index", model->signature_index);
    record_known("subgraph", model->subgraph);
    record_list_begin("inputs");
    for (size_t i = 0; i < model->input_count; i++)
        write_port(&model->inputs[i], true);
    record_list_end();
    record_list_begin("outputs");
    for (size_t i = 0; i < model->output_count; i++)
        write_port(&model->outputs[i], false);
    record_list_end();
    record_end();
}
