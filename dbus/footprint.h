/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * stile_footprint_init:
 *
 * Large blocks go back to the system when they are freed, however many there were before: without
 * it, the buffers of one probe raise the allocator's bound, and the next ones stay. Before threads.
 */
void stile_footprint_init(void);

/**
 * stile_footprint_trim:
 *
 * Gives back what only the start needed: freed memory that the allocator keeps, and the code of
 * libraries that was run once (relocation, registration of types, self-tests). The code that is
 * needed later comes back by itself, page by page, as it is a file's and unchanged.
 */
void stile_footprint_trim(void);

G_END_DECLS
