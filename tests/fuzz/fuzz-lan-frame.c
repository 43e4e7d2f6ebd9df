/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Any bytes on a connection of the local network: first as they come, from who does not know the
 * key, of whom nothing opens; then as the bodies of frames from a hostile member, cut anywhere:
 * each opens to what it was, in its order, and what is taken for a presence is all of the body. */
#include "rendezvous/lan-frame.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const guint8 key[STILE_KEY_SIZE] = {1};
    static const guint8 a[STILE_LAN_RANDOM_SIZE] = {2}, b[STILE_LAN_RANDOM_SIZE] = {3};
    g_autofree StileLanFrame *frame = g_new0(StileLanFrame, 1);
    g_autoptr(StileLanSession) dialler = NULL, listener = NULL;
    g_autoptr(GByteArray) wire = g_byte_array_new();
    gsize used = 0, body = MIN(size, STILE_LAN_BODY_MAX), cut = size ? data[0] : 0;
    const guint8 *envelope;
    gsize envelope_size;
    StileLanKeys keys;
    StileTag tag;

    stile_lan_keys_init(&keys, key);
    dialler = stile_lan_session_new(&keys, TRUE, a, b);
    listener = stile_lan_session_new(&keys, FALSE, b, a);
    if (stile_lan_session_open(listener, data, size, frame, &used, NULL))
        g_assert(used == 0);

    stile_lan_session_seal(dialler, STILE_LAN_MESSAGE, data, body, wire);
    cut = MIN(cut, (gsize)wire->len - 1);
    g_assert(stile_lan_session_open(listener, wire->data, cut, frame, &used, NULL) && used == 0);
    g_assert(stile_lan_session_open(listener, wire->data, wire->len, frame, &used, NULL));
    g_assert(used == wire->len && frame->kind == STILE_LAN_MESSAGE && frame->size == body);
    g_assert(body == 0 || memcmp(frame->body, data, body) == 0);
    g_assert(!stile_lan_session_open(listener, wire->data, wire->len, frame, &used, NULL));

    if (stile_lan_read_presence(data, size, &tag, &envelope, &envelope_size)) {
        g_assert(strlen(tag.text) == STILE_TAG_SIZE - 1);
        g_assert(envelope + envelope_size == data + size);
    }
    return 0;
}
