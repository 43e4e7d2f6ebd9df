/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nice/events.h"

#include "base/source.h"

typedef enum {
    SIGNAL_STATE_CHANGED,
    SIGNAL_GATHERING_DONE,
    SIGNAL_NEW_SELECTED_PAIR,
    SIGNAL_NEW_SELECTED_PAIR_FULL,
    SIGNAL_NEW_CANDIDATE,
    SIGNAL_NEW_CANDIDATE_FULL,
    SIGNAL_STREAMS_REMOVED,
    /* Never emitted, but to be connected to. */
    SIGNAL_NEW_REMOTE_CANDIDATE,
    SIGNAL_NEW_REMOTE_CANDIDATE_FULL,
    SIGNAL_INITIAL_BINDING_REQUEST,
    SIGNAL_RELIABLE_WRITABLE,
    N_SIGNALS,
} Signal;

static const char *const names[] = {
    "component-state-changed",
    "candidate-gathering-done",
    "new-selected-pair",
    "new-selected-pair-full",
    "new-candidate",
    "new-candidate-full",
    "streams-removed",
    "new-remote-candidate",
    "new-remote-candidate-full",
    "initial-binding-request-received",
    "reliable-transport-writable",
};
G_STATIC_ASSERT(G_N_ELEMENTS(names) == N_SIGNALS);

typedef struct {
    Signal signal; /* the full form stands for both */
    guint stream;
    NiceComponentState state;
    NiceCandidate *local;
    NiceCandidate *remote;
} Event;

struct _StileNiceEvents {
    GObject *agent;
    GMainContext *context;
    GQueue queue; /* of Event */
    GSource *source;
};

static void
event_free(Event *event)
{
    nice_candidate_free(event->local);
    nice_candidate_free(event->remote);
    g_free(event);
}

static void
new_signal(GType type, Signal signal, guint n_params, GType a, GType b, GType c, GType d)
{
    GType types[] = {a, b, c, d};

    g_signal_newv(names[signal], type, G_SIGNAL_RUN_LAST, NULL, NULL, NULL, NULL, G_TYPE_NONE,
                  n_params, types);
}

void
stile_nice_events_register(GType type)
{
    const GType u = G_TYPE_UINT, s = G_TYPE_STRING, c = NICE_TYPE_CANDIDATE, none = G_TYPE_NONE;

    new_signal(type, SIGNAL_STATE_CHANGED, 3, u, u, u, none);
    new_signal(type, SIGNAL_GATHERING_DONE, 1, u, none, none, none);
    new_signal(type, SIGNAL_NEW_SELECTED_PAIR, 4, u, u, s, s);
    new_signal(type, SIGNAL_NEW_SELECTED_PAIR_FULL, 4, u, u, c, c);
    new_signal(type, SIGNAL_NEW_CANDIDATE, 3, u, u, s, none);
    new_signal(type, SIGNAL_NEW_CANDIDATE_FULL, 1, c, none, none, none);
    new_signal(type, SIGNAL_STREAMS_REMOVED, 1, G_TYPE_POINTER, none, none, none);
    new_signal(type, SIGNAL_NEW_REMOTE_CANDIDATE, 3, u, u, s, none);
    new_signal(type, SIGNAL_NEW_REMOTE_CANDIDATE_FULL, 1, c, none, none, none);
    new_signal(type, SIGNAL_INITIAL_BINDING_REQUEST, 1, u, none, none, none);
    new_signal(type, SIGNAL_RELIABLE_WRITABLE, 2, u, u, none, none);
}

static void
emit(GObject *agent, const Event *event)
{
    guint streams[] = {event->stream, 0};

    switch (event->signal) {
    case SIGNAL_STATE_CHANGED:
        g_signal_emit_by_name(agent, names[SIGNAL_STATE_CHANGED], event->stream, 1,
                              (guint)event->state);
        break;
    case SIGNAL_GATHERING_DONE:
        g_signal_emit_by_name(agent, names[SIGNAL_GATHERING_DONE], event->stream);
        break;
    case SIGNAL_NEW_SELECTED_PAIR_FULL:
        g_signal_emit_by_name(agent, names[SIGNAL_NEW_SELECTED_PAIR_FULL], event->stream, 1,
                              event->local, event->remote);
        g_signal_emit_by_name(agent, names[SIGNAL_NEW_SELECTED_PAIR], event->stream, 1,
                              event->local->foundation, event->remote->foundation);
        break;
    case SIGNAL_NEW_CANDIDATE_FULL:
        g_signal_emit_by_name(agent, names[SIGNAL_NEW_CANDIDATE_FULL], event->local);
        g_signal_emit_by_name(agent, names[SIGNAL_NEW_CANDIDATE], event->stream, 1,
                              event->local->foundation);
        break;
    case SIGNAL_STREAMS_REMOVED:
        g_signal_emit_by_name(agent, names[SIGNAL_STREAMS_REMOVED], streams);
        break;
    case SIGNAL_NEW_SELECTED_PAIR:
    case SIGNAL_NEW_CANDIDATE:
    case SIGNAL_NEW_REMOTE_CANDIDATE:
    case SIGNAL_NEW_REMOTE_CANDIDATE_FULL:
    case SIGNAL_INITIAL_BINDING_REQUEST:
    case SIGNAL_RELIABLE_WRITABLE:
    case N_SIGNALS:
        break;
    }
}

/* One an iteration: whatever a handler does, the rest comes from the loop again, or not at all. */
static gboolean
on_source(gpointer user_data)
{
    StileNiceEvents *events = user_data;
    Event *event = g_queue_pop_head(&events->queue);
    GObject *agent = g_object_ref(events->agent);

    if (g_queue_is_empty(&events->queue))
        stile_source_clear(&events->source);
    emit(agent, event);
    event_free(event);
    g_object_unref(agent);
    return G_SOURCE_CONTINUE;
}

static void
push(StileNiceEvents *events, Event *event)
{
    g_queue_push_tail(&events->queue, event);
    if (events->source)
        return;
    events->source = g_idle_source_new();
    g_source_set_priority(events->source, G_PRIORITY_DEFAULT);
    g_source_set_callback(events->source, on_source, events, NULL);
    g_source_attach(events->source, events->context);
}

static Event *
event_new(Signal signal, guint stream)
{
    Event *event = g_new0(Event, 1);

    event->signal = signal;
    event->stream = stream;
    return event;
}

void
stile_nice_events_state(StileNiceEvents *events, guint stream, NiceComponentState state)
{
    Event *event = event_new(SIGNAL_STATE_CHANGED, stream);

    event->state = state;
    push(events, event);
}

void
stile_nice_events_candidate(StileNiceEvents *events, guint stream, NiceCandidate *candidate)
{
    Event *event = event_new(SIGNAL_NEW_CANDIDATE_FULL, stream);

    event->local = candidate;
    push(events, event);
}

void
stile_nice_events_gathered(StileNiceEvents *events, guint stream)
{
    push(events, event_new(SIGNAL_GATHERING_DONE, stream));
}

void
stile_nice_events_selected(StileNiceEvents *events, guint stream, NiceCandidate *local,
                           NiceCandidate *remote)
{
    Event *event = event_new(SIGNAL_NEW_SELECTED_PAIR_FULL, stream);

    event->local = local;
    event->remote = remote;
    push(events, event);
}

void
stile_nice_events_removed(StileNiceEvents *events, guint stream)
{
    push(events, event_new(SIGNAL_STREAMS_REMOVED, stream));
}

StileNiceEvents *
stile_nice_events_new(GObject *agent, GMainContext *context)
{
    StileNiceEvents *events = g_new0(StileNiceEvents, 1);

    events->agent = agent;
    events->context = context;
    return events;
}

void
stile_nice_events_free(StileNiceEvents *events)
{
    Event *event;

    stile_source_clear(&events->source);
    while ((event = g_queue_pop_head(&events->queue)))
        event_free(event);
    g_free(events);
}
