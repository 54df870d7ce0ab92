// The seam to the inference library: one implementation for each C interface it may have.
#pragma once

#include "model.h"

// Events of this type and above have no time.
enum { FIRST_TIMELESS_EVENT = 16 };

// What the runtime noted in an inference. `start` and `elapsed` are in units of the meter.
struct runtime_event {
    const char *tag;
    int type, source;
    uint64_t start, elapsed;
    uint64_t metadata1, metadata2;
};

// Unless said otherwise, what fails ends the process with an error record.
struct runtime_api {
    const char *name;

    // Finds the functions in the loaded library.
    void (*find)(void *library, const char *path);

    // What the library calls its version; NULL if it does not say.
    const char *(*version)(void);

    // Once, before any model; refuses what this interface cannot do.
    void (*open)(const struct options *options);

    // Loads the file unless it is loaded and makes the compiled model: what `init` times.
    void (*compile)(struct model *model, enum variant variant, const struct options *options);

    // Undoes `compile` for a model with no other variant and no buffers.
    void (*discard)(struct model *model, enum variant variant);

    // Fills the signature and its ports as the file declares them. Wanted NULL: the first.
    void (*describe)(struct model *model, enum variant variant, const char *wanted);

    // Called for inputs that are declared open or have another shape than the file says.
    void (*resize)(struct model *model, enum variant variant, size_t input, const int32_t *dimensions,
                   int rank, bool is_open);

    // Makes the buffers, and fills the shapes and sizes the inferences will have.
    void (*allocate)(struct model *model, enum variant variant);

    void *(*lock_input)(struct model *model, enum variant variant, size_t input);
    void (*unlock_input)(struct model *model, enum variant variant, size_t input);

    // Before each inference: forgets the events of the last.
    void (*restart_events)(struct model *model, enum variant variant);

    // The timed call, and what to do with its status afterwards.
    int (*run)(const struct model *model, const struct compiled *compiled);
    void (*check_run)(struct model *model, enum variant variant, int status);

    // The events of the last inference, which began and ended at these readings of the meter.
    // They are gone after the next; the timeless may be among them.
    struct runtime_event *(*events)(struct model *model, enum variant variant, uint64_t start, uint64_t end,
                                    int *count);
};

extern const struct runtime_api litert_api, tflite_api;

// The one in use.
extern const struct runtime_api *runtime;

// Loads the library and finds out which interface it has.
void runtime_load(const char *path);
