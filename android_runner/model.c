#include "model.h"

#include "failure.h"
#include "inputs.h"
#include "records.h"
#include "runtime.h"
#include "signals.h"

#include <stdio.h>
#include <string.h>

enum { SEED_STRIDE = 1000003 };

void model_weight_cache(const struct model *model, const struct options *options, char *path, size_t size)
{
    snprintf(path, size, model->index ? "%s.%d" : "%s", options->weight_cache, model->index);
}

void model_check_count(const struct model *model, size_t count, const char *what)
{
    if (count > MAX_PORTS)
        fail(EXIT_RUNTIME, "signature", model->index, "%s has %zu %s, more than %d", model->path, count,
             what, MAX_PORTS);
}

static const struct named_shape *wanted_shape(const struct options *options, const char *name)
{
    for (int i = 0; i < options->shape_count; i++)
        if (!strcmp(options->shapes[i].name, name))
            return &options->shapes[i];
    return NULL;
}

static const char *wanted_file(const struct options *options, const char *name)
{
    for (int i = 0; i < options->input_count; i++)
        if (!strcmp(options->inputs[i].name, name))
            return options->inputs[i].path;
    return NULL;
}

// Open dimensions become 1, unless a shape is given.
static void resize_input(struct model *model, enum variant variant, size_t i, const struct options *options)
{
    const struct port *port = &model->inputs[i];
    const struct named_shape *shape = wanted_shape(options, port->name);
    int rank = shape ? shape->rank : port->rank;
    int32_t dimensions[MAX_RANK];
    bool is_open = false, other = rank != port->rank;

    for (int d = 0; d < port->rank; d++)
        is_open |= port->dimensions[d] < 0;
    for (int d = 0; d < rank; d++) {
        dimensions[d] = shape ? shape->dimensions[d] : port->dimensions[d] < 0 ? 1 : port->dimensions[d];
        other |= d < port->rank && dimensions[d] != port->dimensions[d];
    }
    if (is_open || other)
        runtime->resize(model, variant, i, dimensions, rank, is_open);
}

static void refuse_unusable(const struct model *model)
{
    for (size_t i = 0; i < model->input_count; i++) {
        int type = model->inputs[i].element;

        if (!inputs_can_be_random(type))
            fail(EXIT_RUNTIME, "input", model->index,
                 "input %s is of type %s (%d), which the runner cannot fill", model->inputs[i].name,
                 element_name(type), type);
    }
}

static void fill_input(struct model *model, enum variant variant, size_t i, const struct options *options)
{
    struct port *port = &model->inputs[i];
    const char *path = wanted_file(options, port->name);
    void *data = runtime->lock_input(model, variant, i);

    if (path)
        inputs_read(path, model->index, port->name, data, port->bytes);
    else
        inputs_random((uint64_t)options->seed * SEED_STRIDE + i, port->element, data, port->bytes);
    runtime->unlock_input(model, variant, i);
    port->from_file = path;
}

static bool has_input(const struct model *models, int count, const char *name)
{
    for (int m = 0; m < count; m++)
        for (size_t i = 0; i < models[m].input_count; i++)
            if (!strcmp(models[m].inputs[i].name, name))
                return true;
    return false;
}

void model_check_names(const struct model *models, int count, const struct options *options)
{
    const char *unknown = NULL;

    for (int i = 0; i < options->input_count; i++)
        if (!has_input(models, count, options->inputs[i].name))
            unknown = options->inputs[i].name;
    for (int i = 0; i < options->shape_count; i++)
        if (!has_input(models, count, options->shapes[i].name))
            unknown = options->shapes[i].name;
    if (unknown)
        fail(EXIT_OPTIONS, "options", NO_MODEL, "no model has an input named `%s`", unknown);
}

void model_prepare(struct model *model, enum variant variant, const struct options *options)
{
    signals_doing("prepare", model->index);
    runtime->describe(model, variant, options->signature);
    refuse_unusable(model);
    for (size_t i = 0; i < model->input_count; i++)
        resize_input(model, variant, i, options);
    runtime->allocate(model, variant);
    for (size_t i = 0; i < model->input_count; i++)
        fill_input(model, variant, i, options);
}

static void write_port(const struct port *port, bool is_input)
{
    record_object_begin(NULL);
    record_text("name", port->name);
    record_text("dtype", element_name(port->element));
    record_list_begin("shape");
    for (int i = 0; i < port->rank; i++)
        record_integer(NULL, port->dimensions[i]);
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
