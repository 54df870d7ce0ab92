// The parts of the LiteRT runtime (see runtime.h).
#pragma once

#include "litert.h"
#include "runtime.h"

extern litert_environment litert_environment_in_use;

void litert_open(const struct options *options);
void litert_compile(struct model *model, enum variant variant, const struct options *options);
void litert_discard(struct model *model, enum variant variant);

void litert_describe(struct model *model, enum variant variant, const char *wanted);
void litert_resize(struct model *model, enum variant variant, size_t input, const int32_t *dimensions,
                   int rank, bool is_open);
void litert_allocate(struct model *model, enum variant variant);
void *litert_lock_input(struct model *model, enum variant variant, size_t input);
void litert_unlock_input(struct model *model, enum variant variant, size_t input);
