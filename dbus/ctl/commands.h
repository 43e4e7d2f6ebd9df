/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "ctl.h"

G_BEGIN_DECLS

/* Each in the file of its family. */
extern const CtlCommand ctl_command_network_create, ctl_command_network_remove; /* network.c */
extern const CtlCommand ctl_command_network_profile;                            /* profile.c */
extern const CtlCommand ctl_command_network_set;                                /* set.c */
extern const CtlCommand ctl_command_invite;                                     /* invite.c */
extern const CtlCommand ctl_command_join;                                       /* join.c */
extern const CtlCommand ctl_command_up, ctl_command_down;                       /* up.c */
extern const CtlCommand ctl_command_list, ctl_command_status;                   /* show.c */
extern const CtlCommand ctl_command_peers, ctl_command_peer;                    /* show.c */
extern const CtlCommand ctl_command_watch;                                      /* watch.c */
extern const CtlCommand ctl_command_ping, ctl_command_probe;                    /* ping.c */
extern const CtlCommand ctl_command_nat;                                        /* nat.c */
extern const CtlCommand ctl_command_odds;                                       /* odds.c */
extern const CtlCommand ctl_command_revoke;                                     /* revoke.c */

G_END_DECLS
