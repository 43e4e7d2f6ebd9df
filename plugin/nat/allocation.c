/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nat/allocation.h"

#include <stdlib.h>

/* Others who use the NAT take ports in between, so steps are multiples of the step. */
#define LONGEST_STEP 64
/* No carrier gives a customer more, and random ports of all 64511 fall into so few by chance not
 * once in a thousand million times, with as few samples as we accept. */
#define LARGEST_BLOCK 4096
#define LOWEST_PORT   1024
#define HIGHEST_PORT  65535

#define N_SAMPLES 12
/* A server that stopped to answer is not worth the wait. */
#define MAX_SILENT 2

const char *
stile_nat_allocation_to_string(StileNatAllocationKind kind)
{
    switch (kind) {
    case STILE_NAT_ALLOCATION_PRESERVING:
        return "preserving";
    case STILE_NAT_ALLOCATION_SEQUENTIAL:
        return "sequential";
    case STILE_NAT_ALLOCATION_BLOCK:
        return "block";
    case STILE_NAT_ALLOCATION_RANDOM:
        return "random";
    case STILE_NAT_ALLOCATION_UNKNOWN:
        break;
    }
    return "";
}

static gboolean
is_most(gsize part, gsize whole)
{
    return part * 4 >= whole * 3;
}

static int
port_of(const StileNatSample *sample)
{
    return stile_address_port(&sample->mapped);
}

static int
greatest_common_divisor(int a, int b)
{
    while (b != 0) {
        int rest = a % b;

        a = b;
        b = rest;
    }
    return abs(a);
}

/* A jump now and then, at the end of the range or over a port in use, is allowed. 0: no step. */
static int
find_step(const StileNatSample *samples, gsize n)
{
    gsize up = 0, down = 0;
    int step_up = 0, step_down = 0;

    for (gsize i = 1; i < n; i++) {
        int step = port_of(&samples[i]) - port_of(&samples[i - 1]);

        if (step > 0 && step <= LONGEST_STEP) {
            step_up = greatest_common_divisor(step_up, step);
            up++;
        } else if (step < 0 && step >= -LONGEST_STEP) {
            step_down = greatest_common_divisor(step_down, step);
            down++;
        }
    }
    if (is_most(up, n - 1))
        return step_up;
    return is_most(down, n - 1) ? -step_down : 0;
}

StileNatAllocation
stile_nat_judge_allocation(const StileNatSample *samples, gsize n_samples)
{
    StileNatAllocation allocation = {.kind = STILE_NAT_ALLOCATION_UNKNOWN};
    gsize preserved = 0;
    int lowest = HIGHEST_PORT, highest = 0, margin;

    if (n_samples < STILE_NAT_ALLOCATION_MIN_SAMPLES)
        return allocation;
    for (gsize i = 0; i < n_samples; i++) {
        preserved += stile_address_port(&samples[i].base) == port_of(&samples[i]);
        lowest = MIN(lowest, port_of(&samples[i]));
        highest = MAX(highest, port_of(&samples[i]));
    }
    /* Half is enough: by chance it would not be a single one. */
    if (preserved * 2 >= n_samples) {
        allocation.kind = STILE_NAT_ALLOCATION_PRESERVING;
    } else if ((allocation.delta = find_step(samples, n_samples)) != 0) {
        allocation.kind = STILE_NAT_ALLOCATION_SEQUENTIAL;
    } else if (highest - lowest < LARGEST_BLOCK) {
        allocation.kind = STILE_NAT_ALLOCATION_BLOCK;
        /* On average as much lies beyond the outermost samples as between two. */
        margin = (highest - lowest) / (int)(n_samples - 1);
        allocation.first = (guint16)MAX(lowest - margin, MIN(lowest, LOWEST_PORT));
        allocation.last = (guint16)MIN(highest + margin, HIGHEST_PORT);
    } else {
        allocation.kind = STILE_NAT_ALLOCATION_RANDOM;
    }
    return allocation;
}

struct _StileAllocationTest {
    StileClock *clock;
    const StileProbeWire *wire;
    gpointer wire_data;
    StileNatServer server;
    GPtrArray *sockets; /* open until the end, so that no local port comes twice */
    StileNatSample samples[N_SAMPLES];
    gsize n_samples;
    guint silent;
    StileTimer *end;
    StileAllocationDone done;
    gpointer user_data;
};

static void
on_end(gpointer user_data)
{
    StileAllocationTest *test = user_data;
    StileNatAllocation allocation = stile_nat_judge_allocation(test->samples, test->n_samples);

    test->done(test->user_data, &allocation);
}

static void next_sample(StileAllocationTest *test);

static void
on_answered(gpointer user_data, StileProbeSocket *socket, const StileNatAnswer *answer)
{
    StileAllocationTest *test = user_data;

    if (answer && stile_address_is_set(&answer->mapped) &&
        stile_address_equal(&answer->from, &test->server.address))
        test->samples[test->n_samples++] = (StileNatSample){answer->local, test->server.address,
                                                            answer->mapped};
    else
        test->silent++;
    next_sample(test);
}

static void
next_sample(StileAllocationTest *test)
{
    StileNatQuestion question = stile_nat_question_to(&test->server);
    StileProbeSocket *socket = NULL;

    if (test->n_samples < N_SAMPLES && test->silent < MAX_SILENT)
        socket = stile_probe_socket_new(test->clock, test->wire, test->wire_data,
                                        stile_address_family(&test->server.address), NULL);
    if (!socket) {
        stile_timer_set_after(test->end, 0);
        return;
    }
    g_ptr_array_add(test->sockets, socket);
    stile_probe_socket_ask(socket, &question, on_answered, test);
}

StileAllocationTest *
stile_allocation_test_new(StileClock *clock, const StileProbeWire *wire, gpointer wire_data,
                          const StileNatServer *server, StileAllocationDone done,
                          gpointer user_data)
{
    StileAllocationTest *test = g_new0(StileAllocationTest, 1);

    test->clock = stile_clock_ref(clock);
    test->wire = wire;
    test->wire_data = wire_data;
    test->server = *server;
    test->sockets = g_ptr_array_new_with_free_func((GDestroyNotify)stile_probe_socket_free);
    test->end = stile_timer_new(clock, on_end, test);
    test->done = done;
    test->user_data = user_data;
    next_sample(test);
    return test;
}

void
stile_allocation_test_free(StileAllocationTest *test)
{
    if (!test)
        return;
    g_ptr_array_unref(test->sockets);
    stile_timer_free(test->end);
    stile_clock_unref(test->clock);
    g_free(test);
}
