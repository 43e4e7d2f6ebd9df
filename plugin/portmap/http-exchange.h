/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/address.h"
#include "base/clock.h"

G_BEGIN_DECLS

/**
 * StileHttpExchange:
 *
 * One request and its reply on a connection of its own, within bounds of size and of time.
 */
typedef struct _StileHttpExchange StileHttpExchange;

/**
 * StileHttpFunc:
 * @body: (nullable): with a NUL behind it
 * @error: (nullable): %STILE_ERROR_UNREACHABLE, %STILE_ERROR_INVALID_ARGUMENT
 *
 * The exchange is over; it may be freed from here.
 */
typedef void (*StileHttpFunc)(gpointer user_data, guint status, const char *body, gsize size,
                              const GError *error);

/**
 * stile_http_exchange_new:
 * @context: (nullable)
 * @local: our address, where the connection leaves from; its port is not used
 * @request: the whole request
 */
StileHttpExchange *stile_http_exchange_new(StileClock *clock, GMainContext *context,
                                           const StileAddress *local, const StileAddress *server,
                                           const char *request, StileHttpFunc func,
                                           gpointer user_data);
/** Cancels it: nothing is called back. */
void stile_http_exchange_free(StileHttpExchange *exchange);
/** The request goes on alone to its end; nobody hears of the reply. */
void stile_http_exchange_detach(StileHttpExchange *exchange);
/** @context: (nullable). Returns: whether detached ones are still under way there */
gboolean stile_http_exchange_any_detached(GMainContext *context);

G_END_DECLS
