/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "nat/mapping.h"
#include "nat/probe-socket.h"

G_BEGIN_DECLS

/**
 * StileNatAllocationKind:
 * @STILE_NAT_ALLOCATION_PRESERVING: the local port, where it is free (RFC 4787 §4.2.1)
 * @STILE_NAT_ALLOCATION_SEQUENTIAL: the one before plus a step
 * @STILE_NAT_ALLOCATION_BLOCK: random ones within a small range, as carriers give each customer
 */
typedef enum {
    STILE_NAT_ALLOCATION_UNKNOWN,
    STILE_NAT_ALLOCATION_PRESERVING,
    STILE_NAT_ALLOCATION_SEQUENTIAL,
    STILE_NAT_ALLOCATION_BLOCK,
    STILE_NAT_ALLOCATION_RANDOM,
} StileNatAllocationKind;

/** The words of the contract; `` for unknown */
const char *stile_nat_allocation_to_string(StileNatAllocationKind kind);

/**
 * StileNatAllocation:
 * @delta: SEQUENTIAL: the step, which may be negative; else 0
 * @first, @last: BLOCK: what the block is estimated to be, a little more than what was seen; else 0
 */
typedef struct {
    StileNatAllocationKind kind;
    int delta;
    guint16 first, last;
} StileNatAllocation;

/**
 * stile_nat_judge_allocation:
 * @samples: each a mapping of its own, in the order in which the NAT made them
 *
 * Tells how the NAT chooses ports. Pure. UNKNOWN with fewer than #STILE_NAT_ALLOCATION_MIN_SAMPLES.
 */
#define STILE_NAT_ALLOCATION_MIN_SAMPLES 6
StileNatAllocation stile_nat_judge_allocation(const StileNatSample *samples, gsize n_samples);

/**
 * StileAllocationTest:
 *
 * Takes the samples: one new socket after the other asks the same server.
 */
typedef struct _StileAllocationTest StileAllocationTest;
/** May free the test. */
typedef void (*StileAllocationDone)(gpointer user_data, const StileNatAllocation *allocation);

/** @done is not called from within. */
StileAllocationTest *stile_allocation_test_new(StileClock *clock, const StileProbeWire *wire,
                                               gpointer wire_data, const StileNatServer *server,
                                               StileAllocationDone done, gpointer user_data);
void stile_allocation_test_free(StileAllocationTest *test);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(StileAllocationTest, stile_allocation_test_free)

G_END_DECLS
