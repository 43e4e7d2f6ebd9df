/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/*
 * Reading and writing wire formats with bounds. Both remember that they failed, so that a parser
 * reads straight on and asks once, at the end; after a failure every read gives zeros or %NULL and
 * every write is dropped.
 */

/**
 * StileReader:
 *
 * A window on bytes that somebody else owns and that must outlive it. Lives on the stack.
 */
typedef struct {
    const guint8 *data;
    gsize left;
    gboolean failed;
} StileReader;

#define STILE_READER_INIT(bytes, size) ((StileReader){(const guint8 *)(bytes), (size), FALSE})

/* Numbers; be: network byte order, le: little-endian. 0 after a failure. */
guint8 stile_reader_u8(StileReader *reader);
guint16 stile_reader_u16be(StileReader *reader);
guint32 stile_reader_u32be(StileReader *reader);
guint64 stile_reader_u64be(StileReader *reader);
guint32 stile_reader_u32le(StileReader *reader);
guint64 stile_reader_u64le(StileReader *reader);

/**
 * stile_reader_take:
 * @size: how many bytes
 *
 * Returns: (transfer none) (nullable): the next @size bytes, in place; %NULL if there are not as
 *   many, and then the reader has failed
 */
const guint8 *stile_reader_take(StileReader *reader, gsize size);

/**
 * stile_reader_copy:
 *
 * Copies the next @size bytes to @ret; fills it with zeros on failure.
 */
void stile_reader_copy(StileReader *reader, void *ret, gsize size);

/**
 * stile_reader_string:
 *
 * A UTF-8 string of at most @max bytes behind a 16-bit length in network byte order.
 *
 * Returns: (transfer full) (nullable): the string; %NULL when it is too long, not valid UTF-8 or
 *   has a NUL in it, and then the reader has failed
 */
char *stile_reader_string(StileReader *reader, gsize max);

/**
 * stile_reader_done:
 *
 * Returns: whether all was read, to the last byte, and nothing failed
 */
gboolean stile_reader_done(const StileReader *reader);

/**
 * StileWriter:
 *
 * Writes into a buffer of fixed size that the caller owns. Lives on the stack.
 */
typedef struct {
    guint8 *data;
    gsize size;
    gsize used;
    gboolean failed;
} StileWriter;

#define STILE_WRITER_INIT(buffer, bytes) ((StileWriter){(guint8 *)(buffer), (bytes), 0, FALSE})

void stile_writer_u8(StileWriter *writer, guint8 value);
void stile_writer_u16be(StileWriter *writer, guint16 value);
void stile_writer_u32be(StileWriter *writer, guint32 value);
void stile_writer_u64be(StileWriter *writer, guint64 value);
void stile_writer_u32le(StileWriter *writer, guint32 value);
void stile_writer_u64le(StileWriter *writer, guint64 value);
void stile_writer_bytes(StileWriter *writer, const void *bytes, gsize size);

/**
 * stile_writer_string:
 *
 * The counterpart of stile_reader_string(): a 16-bit length, then the bytes without a NUL.
 */
void stile_writer_string(StileWriter *writer, const char *string);

/**
 * stile_writer_reserve:
 *
 * Returns: (transfer none) (nullable): room for @size bytes that the caller fills in; %NULL when
 *   there is none, and then the writer has failed
 */
guint8 *stile_writer_reserve(StileWriter *writer, gsize size);

G_END_DECLS
