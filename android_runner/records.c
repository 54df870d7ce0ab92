#include "records.h"

#include "buffer.h"
#include "platform.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int output = -1;
static uint64_t written_records;
static bool line_broken;  // part of a line is out, the rest is not
static struct buffer line;

void records_open(void)
{
    output = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
    if (output < 0 || dup2(STDERR_FILENO, STDOUT_FILENO) < 0)
        _exit(EXIT_OUTPUT);
    buffer_reserve(&line, 1 << 16);
}

static bool write_all(const char *bytes, size_t count)
{
    while (count > 0) {
        ssize_t done = write(output, bytes, count);

        if (done >= 0) {
            bytes += done;
            count -= (size_t)done;
            line_broken = count > 0;
        } else if (errno == EAGAIN) {
            poll(&(struct pollfd){.fd = output, .events = POLLOUT}, 1, -1);
        } else if (errno != EINTR) {
            return false;
        }
    }
    return true;
}

static void put(const char *text)
{
    buffer_append(&line, text, strlen(text));
}

// The length of the UTF-8 sequence at `text`, 0 if there is none.
static int utf8_length(const unsigned char *text)
{
    static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
    int length = *text < 0x80 ? 1 : *text >> 5 == 6 ? 2 : *text >> 4 == 14 ? 3 : *text >> 3 == 30 ? 4 : 0;
    uint32_t code = length > 1 ? *text & (0xff >> (length + 1)) : 0x80;

    for (int i = 1; i < length; i++) {
        if (text[i] >> 6 != 2)
            return 0;
        code = code << 6 | (text[i] & 0x3f);
    }
    bool bad = length > 1 && (code < smallest[length] || code > 0x10ffff || code >> 11 == 0x1b);
    return bad ? 0 : length;
}

static void put_string(const char *text)
{
    char escaped[8];

    put("\"");
    while (*text) {
        unsigned char byte = (unsigned char)*text;
        int length = utf8_length((const unsigned char *)text);

        if (byte < 0x20 || byte == '"' || byte == '\\') {
            snprintf(escaped, sizeof escaped, "\\u%04x", byte);
            put(escaped);
        } else if (length) {
            buffer_append(&line, text, (size_t)length);
        } else {
            put("\\ufffd");
        }
        text += length ? length : 1;
    }
    put("\"");
}

// Strings end in a quote, so the last byte tells whether this is the first of its list or object.
static void put_key(const char *key)
{
    char last = line.data[line.used - 1];

    if (last != '{' && last != '[')
        put(",");
    if (key) {
        put_string(key);
        put(":");
    }
}

void record_text(const char *key, const char *text)
{
    if (!text) {
        record_null(key);
        return;
    }
    put_key(key);
    put_string(text);
}

void record_integer(const char *key, int64_t value)
{
    char digits[24];

    put_key(key);
    snprintf(digits, sizeof digits, "%" PRId64, value);
    put(digits);
}

void record_unsigned(const char *key, uint64_t value)
{
    char digits[24];

    put_key(key);
    snprintf(digits, sizeof digits, "%" PRIu64, value);
    put(digits);
}

void record_known(const char *key, int64_t value)
{
    if (value < 0)
        record_null(key);
    else
        record_integer(key, value);
}

void record_null(const char *key)
{
    put_key(key);
    put("null");
}

void record_list_begin(const char *key)
{
    put_key(key);
    put("[");
}

void record_list_end(void)
{
    put("]");
}

void record_object_begin(const char *key)
{
    put_key(key);
    put("{");
}

void record_object_end(void)
{
    put("}");
}

void record_begin(const char *kind)
{
    line.used = 0;
    put("{");
    record_text("r", kind);
}

void record_end(void)
{
    put("}\n");
    if (!write_all(line.data, line.used)) {
        platform_tell("tflprof-runner: cannot write records: ");
        platform_tell(strerror(errno));
        platform_tell("\n");
        _exit(EXIT_OUTPUT);
    }
    written_records++;
}

_Noreturn void records_finish(const char *status, enum exit_status exit_status)
{
    uint64_t records = written_records;

    record_begin("end");
    record_text("status", status);
    record_unsigned("records", records);
    record_end();
    // Not exit(): the destructors of the inference library have nothing left to tell us.
    _exit(exit_status);
}

static char *append_text(char *end, const char *text)
{
    while (*text)
        *end++ = *text++;
    return end;
}

static char *append_number(char *end, uint64_t number)
{
    if (number >= 10)
        end = append_number(end, number / 10);
    *end++ = (char)('0' + number % 10);
    return end;
}

void records_emergency(int model, int signal, const char *activity)
{
    static char text[512];
    char *end = append_text(text, line_broken ? "\n" : "");

    end = append_text(end, "{\"r\":\"error\",\"where\":\"signal\",\"model\":");
    end = model < 0 ? append_text(end, "null") : append_number(end, (uint64_t)model);
    end = append_number(append_text(end, ",\"status\":"), (uint64_t)signal);
    end = append_number(append_text(end, ",\"message\":\"signal "), (uint64_t)signal);
    end = append_text(append_text(end, " in "), activity);
    end = append_text(end, "\"}\n{\"r\":\"end\",\"status\":\"error\",\"records\":");
    end = append_text(append_number(end, written_records + 1 + line_broken), "}\n");
    write_all(text, (size_t)(end - text));
}
