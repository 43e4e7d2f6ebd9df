/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/bytes.h"

#include <string.h>

const guint8 *
stile_reader_take(StileReader *reader, gsize size)
{
    const guint8 *at = reader->data;

    if (reader->failed || size > reader->left) {
        reader->failed = TRUE;
        return NULL;
    }
    reader->data += size;
    reader->left -= size;
    return at;
}

void
stile_reader_copy(StileReader *reader, void *ret, gsize size)
{
    const guint8 *at = stile_reader_take(reader, size);

    if (at)
        memcpy(ret, at, size);
    else
        memset(ret, 0, size);
}

guint8
stile_reader_u8(StileReader *reader)
{
    const guint8 *at = stile_reader_take(reader, 1);

    return at ? at[0] : 0;
}

guint16
stile_reader_u16be(StileReader *reader)
{
    guint16 value;

    stile_reader_copy(reader, &value, sizeof value);
    return GUINT16_FROM_BE(value);
}

guint32
stile_reader_u32be(StileReader *reader)
{
    guint32 value;

    stile_reader_copy(reader, &value, sizeof value);
    return GUINT32_FROM_BE(value);
}

guint64
stile_reader_u64be(StileReader *reader)
{
    guint64 value;

    stile_reader_copy(reader, &value, sizeof value);
    return GUINT64_FROM_BE(value);
}

guint32
stile_reader_u32le(StileReader *reader)
{
    guint32 value;

    stile_reader_copy(reader, &value, sizeof value);
    return GUINT32_FROM_LE(value);
}

guint64
stile_reader_u64le(StileReader *reader)
{
    guint64 value;

    stile_reader_copy(reader, &value, sizeof value);
    return GUINT64_FROM_LE(value);
}

char *
stile_reader_string(StileReader *reader, gsize max)
{
    gsize size = stile_reader_u16be(reader);
    const char *at;

    if (size > max)
        reader->failed = TRUE;
    at = (const char *)stile_reader_take(reader, size);
    if (!at)
        return NULL;
    if (!g_utf8_validate_len(at, size, NULL)) {
        reader->failed = TRUE;
        return NULL;
    }
    return g_strndup(at, size);
}

gboolean
stile_reader_done(const StileReader *reader)
{
    return !reader->failed && reader->left == 0;
}

guint8 *
stile_writer_reserve(StileWriter *writer, gsize size)
{
    guint8 *at;

    if (writer->failed || size > writer->size - writer->used) {
        writer->failed = TRUE;
        return NULL;
    }
    at = writer->data + writer->used;
    writer->used += size;
    return at;
}

void
stile_writer_bytes(StileWriter *writer, const void *bytes, gsize size)
{
    guint8 *at = stile_writer_reserve(writer, size);

    if (at && size > 0)
        memcpy(at, bytes, size);
}

void
stile_writer_u8(StileWriter *writer, guint8 value)
{
    stile_writer_bytes(writer, &value, sizeof value);
}

void
stile_writer_u16be(StileWriter *writer, guint16 value)
{
    value = GUINT16_TO_BE(value);
    stile_writer_bytes(writer, &value, sizeof value);
}

void
stile_writer_u32be(StileWriter *writer, guint32 value)
{
    value = GUINT32_TO_BE(value);
    stile_writer_bytes(writer, &value, sizeof value);
}

void
stile_writer_u64be(StileWriter *writer, guint64 value)
{
    value = GUINT64_TO_BE(value);
    stile_writer_bytes(writer, &value, sizeof value);
}

void
stile_writer_u32le(StileWriter *writer, guint32 value)
{
    value = GUINT32_TO_LE(value);
    stile_writer_bytes(writer, &value, sizeof value);
}

void
stile_writer_u64le(StileWriter *writer, guint64 value)
{
    value = GUINT64_TO_LE(value);
    stile_writer_bytes(writer, &value, sizeof value);
}

void
stile_writer_string(StileWriter *writer, const char *string)
{
    gsize size = strlen(string);

    if (size > G_MAXUINT16)
        writer->failed = TRUE;
    stile_writer_u16be(writer, (guint16)size);
    stile_writer_bytes(writer, string, size);
}
