/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tunnel/timers.h"

void
stile_timer_heap_init(StileTimerHeap *heap)
{
    heap->array = g_ptr_array_new();
    g_ptr_array_add(heap->array, NULL);
}

void
stile_timer_heap_clear(StileTimerHeap *heap)
{
    g_clear_pointer(&heap->array, g_ptr_array_unref);
}

static StileTimers *
at(const StileTimerHeap *heap, guint position)
{
    return g_ptr_array_index(heap->array, position);
}

static guint
last(const StileTimerHeap *heap)
{
    return heap->array->len - 1;
}

static void
put(StileTimerHeap *heap, guint position, StileTimers *timers)
{
    g_ptr_array_index(heap->array, position) = timers;
    timers->position = position;
}

static void
rise(StileTimerHeap *heap, StileTimers *timers)
{
    guint position = timers->position;

    while (position > 1 && at(heap, position / 2)->wake > timers->wake) {
        put(heap, position, at(heap, position / 2));
        position /= 2;
    }
    put(heap, position, timers);
}

static void
sink(StileTimerHeap *heap, StileTimers *timers)
{
    guint position = timers->position, child;

    while ((child = position * 2) <= last(heap)) {
        if (child < last(heap) && at(heap, child + 1)->wake < at(heap, child)->wake)
            child++;
        if (at(heap, child)->wake >= timers->wake)
            break;
        put(heap, position, at(heap, child));
        position = child;
    }
    put(heap, position, timers);
}

static void
remove_from_heap(StileTimers *timers)
{
    StileTimerHeap *heap = timers->heap;
    guint position = timers->position;
    StileTimers *moved = at(heap, last(heap));

    g_ptr_array_set_size(heap->array, (int)last(heap));
    timers->position = 0;
    if (moved == timers)
        return;
    put(heap, position, moved);
    rise(heap, moved);
    sink(heap, moved);
}

static StilePeerTimer
first_due(const StileTimers *timers)
{
    StilePeerTimer first = 0;

    for (guint i = 1; i < STILE_N_PEER_TIMERS; i++)
        if (timers->due[i] < timers->due[first])
            first = i;
    return first;
}

gint64
stile_timer_heap_next(const StileTimerHeap *heap)
{
    return last(heap) > 0 ? at(heap, 1)->wake : G_MAXINT64;
}

gpointer
stile_timer_heap_expire(StileTimerHeap *heap, gint64 now, StilePeerTimer *ret_timer)
{
    while (stile_timer_heap_next(heap) <= now) {
        StileTimers *timers = at(heap, 1);
        StilePeerTimer first = first_due(timers);

        if (timers->due[first] <= now) {
            stile_timers_stop(timers, first);
            *ret_timer = first;
            return timers->owner;
        }
        timers->wake = timers->due[first];
        if (timers->wake == G_MAXINT64)
            remove_from_heap(timers);
        else
            sink(heap, timers);
    }
    return NULL;
}

void
stile_timers_init(StileTimers *timers, StileTimerHeap *heap, gpointer owner)
{
    timers->heap = heap;
    timers->owner = owner;
    timers->position = 0;
    timers->wake = G_MAXINT64;
    for (guint i = 0; i < STILE_N_PEER_TIMERS; i++)
        stile_timers_stop(timers, i);
}

void
stile_timers_clear(StileTimers *timers)
{
    for (guint i = 0; i < STILE_N_PEER_TIMERS; i++)
        stile_timers_stop(timers, i);
    if (timers->position)
        remove_from_heap(timers);
}

void
stile_timers_set(StileTimers *timers, StilePeerTimer timer, gint64 when)
{
    timers->due[timer] = when;
    if (timers->position && when >= timers->wake)
        return;
    timers->wake = when;
    if (!timers->position) {
        g_ptr_array_add(timers->heap->array, timers);
        timers->position = last(timers->heap);
    }
    rise(timers->heap, timers);
}
