/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Any bytes as what a WebSocket server says: they mean the same in one piece and byte by byte, and
 * no more comes out than went in. The first byte chooses whether the handshake is over already. */
#include "rendezvous/websocket.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct {
    gboolean taken, open, closed;
    GByteArray *payload;
    gsize n_answers;
} Outcome;

static Outcome
feed(const guint8 *data, gsize size, gboolean open, gsize step)
{
    g_autoptr(StileClock) clock = stile_clock_new_virtual(0, 1);
    g_autoptr(GByteArray) answers = g_byte_array_new();
    Outcome outcome = {.taken = TRUE, .payload = g_byte_array_new()};
    StileWebsocket websocket;

    stile_websocket_init(&websocket, clock, answers, "h", 80, FALSE, "/mqtt");
    g_byte_array_set_size(answers, 0);
    websocket.open = open;
    /* So that a seed can know it: the answer of RFC 6455 §1.3. */
    g_free(websocket.accept);
    websocket.accept = g_strdup("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    for (gsize at = 0; at < size && outcome.taken; at += step) {
        g_autoptr(GError) error = NULL;

        outcome.taken = stile_websocket_take(&websocket, data + at, MIN(step, size - at),
                                             outcome.payload, answers, &error);
        g_assert(outcome.taken == (error == NULL));
    }
    outcome.open = websocket.open;
    outcome.closed = websocket.closed;
    outcome.n_answers = answers->len;
    stile_websocket_clear(&websocket);
    return outcome;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    Outcome whole, bytes;

    if (size < 1)
        return 0;
    whole = feed(data + 1, size - 1, data[0] & 1, size);
    bytes = feed(data + 1, size - 1, data[0] & 1, 1);
    g_assert(whole.taken == bytes.taken && whole.open == bytes.open);
    g_assert(whole.closed == bytes.closed && whole.n_answers == bytes.n_answers);
    g_assert(whole.payload->len == bytes.payload->len && whole.payload->len < size);
    if (whole.payload->len > 0)
        g_assert(memcmp(whole.payload->data, bytes.payload->data, whole.payload->len) == 0);
    g_byte_array_unref(whole.payload);
    g_byte_array_unref(bytes.payload);
    return 0;
}
