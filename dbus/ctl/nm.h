/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "ctl.h"

G_BEGIN_DECLS

/*
 * NetworkManager, if it runs: where it has a profile of a network, the network is switched through
 * it, so that the switch in the desktop and the command never disagree.
 */

/**
 * ctl_nm_find_profile:
 * @network_id: Id of the network
 * @ret_profile: (transfer full) (nullable): the object path of its profile; %NULL if there is none,
 * or no NetworkManager
 */
gboolean ctl_nm_find_profile(Ctl *ctl, const char *network_id, char **ret_profile, GError **error);

/** Activates @profile, if it is not active, and waits until it is. Errors: %CTL_FAILED,
 * %CTL_TIMED_OUT */
gboolean ctl_nm_up(Ctl *ctl, const char *profile, GError **error);

/** Deactivates @profile, if it is active, and waits until it is not. Errors: the same */
gboolean ctl_nm_down(Ctl *ctl, const char *profile, GError **error);

G_END_DECLS
