/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "nice/agent.h"

G_BEGIN_DECLS

/**
 * StileNiceEvents:
 *
 * The signals of a NiceAgent, kept until the main loop comes round and then emitted in order.
 */
typedef struct _StileNiceEvents StileNiceEvents;

/** Adds libnice's signals to @type. */
void stile_nice_events_register(GType type);

/** @agent: not referenced, but while it emits */
StileNiceEvents *stile_nice_events_new(GObject *agent, GMainContext *context);
/** Drops what was not emitted. */
void stile_nice_events_free(StileNiceEvents *events);

void stile_nice_events_state(StileNiceEvents *events, guint stream, NiceComponentState state);
/** @candidate: (transfer full) */
void stile_nice_events_candidate(StileNiceEvents *events, guint stream, NiceCandidate *candidate);
void stile_nice_events_gathered(StileNiceEvents *events, guint stream);
/** @local, @remote: (transfer full) */
void stile_nice_events_selected(StileNiceEvents *events, guint stream, NiceCandidate *local,
                                NiceCandidate *remote);
void stile_nice_events_removed(StileNiceEvents *events, guint stream);

G_END_DECLS
