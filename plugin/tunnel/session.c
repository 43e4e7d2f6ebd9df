/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tunnel/session.h"

#include "tunnel/message.h"
#include "tunnel/timers.h"
#include <string.h>

StileSession *
stile_session_new(const StileNoise *noise, gboolean initiator, guint32 remote_index, gint64 now)
{
    StileSession *session = g_new0(StileSession, 1);
    guint8 keys[2][STILE_AEAD_KEY_SIZE];

    stile_noise_split(noise, keys[0], keys[1]);
    session->send = stile_aead_new_bulk(keys[initiator ? 0 : 1]);
    session->receive = stile_aead_new_bulk(keys[initiator ? 1 : 0]);
    stile_memory_wipe(keys, sizeof keys);
    session->entry.session = session;
    session->initiator = initiator;
    session->remote_index = remote_index;
    session->created = now;
    return session;
}

void
stile_session_free(StileSession *session)
{
    if (!session)
        return;
    stile_aead_free(session->send);
    stile_aead_free(session->receive);
    g_free(session);
}

gboolean
stile_session_usable(const StileSession *session, gint64 now)
{
    return now - session->created < STILE_REJECT_AFTER_TIME &&
           session->counter < STILE_REJECT_AFTER_MESSAGES;
}

gsize
stile_session_seal(StileSession *session, const guint8 *packet, gsize size, gsize padded,
                   guint8 *out)
{
    StileMessageTransport *header = (StileMessageTransport *)out;
    guint8 *body = out + sizeof *header;
    guint64 counter = session->counter++;

    /* Zeros can only follow it there. */
    if (size < padded) {
        if (size > 0 && packet != body)
            memmove(body, packet, size);
        memset(body + size, 0, padded - size);
        packet = body;
    }
    stile_message_put_u32(header->type, STILE_MESSAGE_TRANSPORT);
    stile_message_put_u32(header->receiver, session->remote_index);
    stile_message_put_u64(header->counter, counter);
    stile_aead_seal(session->send, counter, NULL, 0, packet, padded, body);
    return sizeof *header + padded + STILE_AEAD_TAG_SIZE;
}

StileSessionResult
stile_session_open(StileSession *session, gint64 now, guint8 *message, gsize size)
{
    StileMessageTransport *header = (StileMessageTransport *)message;
    guint8 *body = message + sizeof *header;
    guint64 counter = stile_message_get_u64(header->counter);

    if (now - session->created >= STILE_REJECT_AFTER_TIME || counter >= STILE_REJECT_AFTER_MESSAGES)
        return STILE_SESSION_EXPIRED;
    if (!stile_aead_open(session->receive, counter, NULL, 0, body, size - sizeof *header, body))
        return STILE_SESSION_FORGED;
    return stile_replay_accept(&session->replay, counter) ? STILE_SESSION_OPENED
                                                          : STILE_SESSION_REPLAYED;
}
