// Writes records, one JSON object a line, to what was the standard output.
#pragma once

#include "protocol.h"

#include <stdint.h>

// Keeps standard output for the records and sends everybody else's prints to standard error.
void records_open(void);

void record_begin(const char *kind);
void record_end(void);

// In a list the key is NULL. A text of NULL is written as null.
void record_text(const char *key, const char *text);
void record_integer(const char *key, int64_t value);
void record_unsigned(const char *key, uint64_t value);
void record_known(const char *key, int64_t value);  // null below zero
void record_null(const char *key);

void record_list_begin(const char *key);
void record_list_end(void);
void record_object_begin(const char *key);
void record_object_end(void);

// Writes the end record and ends the process.
_Noreturn void records_finish(const char *status, enum exit_status exit_status);

// Writes an error and an end record from a signal handler. `model` below zero is null.
void records_emergency(int model, int signal, const char *activity);
