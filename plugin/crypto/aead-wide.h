/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * stile_aead_wide:
 * @seal: encrypts, or decrypts without looking at a tag
 * @in: @out: may be the same
 * @ret_tag: the tag of what is sealed, on both ways
 *
 * ChaCha20-Poly1305 with the widest vectors of the processor: Intel's Multi-Buffer Crypto library
 * (Debian: libipsec-mb1), if it is installed, and only on processors with AVX-512, where it takes
 * three fifths of libcrypto's time for a packet. With narrower vectors libcrypto is the faster. Its
 * state is one for each thread, made at the first call.
 *
 * Returns: %FALSE when that cannot be had here, always the same in one thread; nothing was done
 */
gboolean stile_aead_wide(gboolean seal, const guint8 *key, guint64 counter, const void *ad,
                         gsize ad_size, const guint8 *in, gsize size, guint8 *out, guint8 *ret_tag);

G_END_DECLS
