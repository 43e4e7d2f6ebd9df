/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * StileFootprint:
 *
 * Gives back what only a start needed, of the service or of a network: freed memory that the
 * allocator keeps, and the code of libraries that was run once (relocation, registration of types,
 * self-tests). The code that is needed later comes back by itself, page by page, as it is a file's
 * and unchanged.
 */
typedef struct _StileFootprint StileFootprint;

/**
 * stile_footprint_init:
 *
 * Large blocks go back to the system when they are freed, however many there were before: without
 * it, the buffers of one probe raise the allocator's bound, and the next ones stay. Before threads.
 */
void stile_footprint_init(void);

/** In the thread-default context of the caller. */
StileFootprint *stile_footprint_new(void);
void stile_footprint_free(StileFootprint *footprint);
/** Something is starting: gives back soon, and again when it must be over. */
void stile_footprint_starting(StileFootprint *footprint);

G_END_DECLS
