/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "rendezvous/lan-frame.h"

#include "base/bytes.h"
#include "base/error.h"
#include "crypto/aead.h"
#include "crypto/hash.h"
#include <string.h>

#define SIZE_BYTES 2
#define FRAME_MIN  (1 + STILE_AEAD_TAG_SIZE)
#define SEALED_MAX (1 + STILE_LAN_BODY_MAX + STILE_AEAD_TAG_SIZE)

G_STATIC_ASSERT(SEALED_MAX <= G_MAXUINT16);
G_STATIC_ASSERT(SIZE_BYTES + SEALED_MAX == STILE_LAN_FRAME_MAX);

struct _StileLanSession {
    StileAead *out, *in;
    guint64 sent, received;
    StileTag tag; /* the same on both sides, another one in each session */
};

StileLanSession *
stile_lan_session_new(const StileLanKeys *keys, gboolean dialled,
                      const guint8 ours[STILE_LAN_RANDOM_SIZE],
                      const guint8 theirs[STILE_LAN_RANDOM_SIZE])
{
    StileLanSession *session = g_new0(StileLanSession, 1);
    guint8 both[2 * STILE_LAN_RANDOM_SIZE], derived[3 * STILE_BLAKE2S_SIZE];
    const guint8 *from_dialler = derived, *to_dialler = derived + STILE_BLAKE2S_SIZE;

    memcpy(both, dialled ? ours : theirs, STILE_LAN_RANDOM_SIZE);
    memcpy(both + STILE_LAN_RANDOM_SIZE, dialled ? theirs : ours, STILE_LAN_RANDOM_SIZE);
    stile_kdf(keys->link, both, sizeof both, 3, derived);
    session->out = stile_aead_new(dialled ? from_dialler : to_dialler);
    session->in = stile_aead_new(dialled ? to_dialler : from_dialler);
    stile_tag_from_bytes(&session->tag, derived + 2 * STILE_BLAKE2S_SIZE);
    stile_memory_wipe(derived, sizeof derived);
    return session;
}

void
stile_lan_session_free(StileLanSession *session)
{
    if (!session)
        return;
    stile_aead_free(session->out);
    stile_aead_free(session->in);
    g_free(session);
}

void
stile_lan_session_envelopes(const StileLanSession *session, const StileEnvelopes *base,
                            StileEnvelopes *ret)
{
    *ret = *base;
    g_snprintf(ret->topics.prefix, sizeof ret->topics.prefix, "lan/%s/", session->tag.text);
}

void
stile_lan_session_seal(StileLanSession *session, StileLanKind kind, const void *body, gsize size,
                       GByteArray *out)
{
    guint at = out->len;
    guint8 *frame;
    StileWriter writer;

    g_return_if_fail(size <= STILE_LAN_BODY_MAX);
    g_byte_array_set_size(out, at + (guint)(SIZE_BYTES + FRAME_MIN + size));
    frame = out->data + at;
    writer = STILE_WRITER_INIT(frame, SIZE_BYTES + 1 + size);
    stile_writer_u16be(&writer, (guint16)(FRAME_MIN + size));
    stile_writer_u8(&writer, (guint8)kind);
    stile_writer_bytes(&writer, body, size);
    stile_aead_seal(session->out, session->sent++, frame, SIZE_BYTES, frame + SIZE_BYTES, 1 + size,
                    frame + SIZE_BYTES);
}

static gboolean
refuse(GError **error, const char *why)
{
    g_set_error_literal(error, STILE_ERROR, STILE_ERROR_INVALID_ARGUMENT, why);
    return FALSE;
}

gboolean
stile_lan_session_open(StileLanSession *session, const guint8 *data, gsize size, StileLanFrame *ret,
                       gsize *ret_used, GError **error)
{
    StileReader reader = STILE_READER_INIT(data, size);
    const guint8 *sealed;
    guint16 sealed_size;

    *ret_used = 0;
    if (size < SIZE_BYTES)
        return TRUE;
    sealed_size = stile_reader_u16be(&reader);
    /* Before any of it has come: nothing is kept for who does not know the rules. */
    if (sealed_size < FRAME_MIN || sealed_size > SEALED_MAX)
        return refuse(error, "a frame of the local network has a wrong size");
    if (!(sealed = stile_reader_take(&reader, sealed_size)))
        return TRUE;
    if (!stile_aead_open(session->in, session->received, data, SIZE_BYTES, sealed, sealed_size,
                         ret->plain))
        return refuse(error, "a frame of the local network is not of this network");
    session->received++;
    ret->kind = ret->plain[0];
    ret->body = ret->plain + 1;
    ret->size = (gsize)sealed_size - FRAME_MIN;
    *ret_used = SIZE_BYTES + (gsize)sealed_size;
    return TRUE;
}

gboolean
stile_lan_read_presence(const guint8 *body, gsize size, StileTag *ret_tag,
                        const guint8 **ret_envelope, gsize *ret_size)
{
    StileReader reader = STILE_READER_INIT(body, size);

    memset(ret_tag, 0, sizeof *ret_tag);
    stile_reader_copy(&reader, ret_tag->text, STILE_TAG_SIZE - 1);
    if (reader.failed || memchr(ret_tag->text, '\0', STILE_TAG_SIZE - 1))
        return FALSE;
    *ret_envelope = reader.data;
    *ret_size = reader.left;
    return TRUE;
}
