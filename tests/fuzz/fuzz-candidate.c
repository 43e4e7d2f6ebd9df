/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* stile_candidate_read(): whatever it takes may be sent to, and is written again as it was. */
#include "ice/candidate.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    StileReader reader = STILE_READER_INIT(data, size);
    StileCandidate candidate;
    guint8 buffer[128];
    StileWriter writer = STILE_WRITER_INIT(buffer, sizeof buffer);

    if (!stile_candidate_read(&candidate, &reader)) {
        g_assert(reader.failed);
        return 0;
    }
    g_assert(stile_candidate_may_send_to(&candidate.address));
    g_assert(stile_candidate_type_to_string(candidate.type)[0] != '\0');
    g_assert(stile_technique_to_string(candidate.technique)[0] != '\0');
    stile_candidate_write(&candidate, &writer);
    g_assert(!writer.failed && writer.used == size - reader.left);
    g_assert(memcmp(buffer, data, writer.used) == 0);
    return 0;
}
