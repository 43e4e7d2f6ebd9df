/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "mesh/choice.h"
#include "mesh/invitation.h"

G_BEGIN_DECLS

/*
 * The a{sv} that methods take, read with care: an unknown key, a wrong type or a bad word is
 * refused with a sentence that names it. Nothing is taken over from options that are refused.
 */

/**
 * stile_options_check:
 * @known: %NULL-terminated pairs of key and type string: "mtu", "u", "relay", "s", …
 *
 * Errors: %STILE_ERROR_INVALID_ARGUMENT
 */
gboolean stile_options_check(GVariant *options, const char *const *known, GError **error);

/** @options: (nullable) */
gboolean stile_options_has(GVariant *options, const char *key);

/**
 * stile_options_servers:
 * @ret: changed where @options has "rendezvous", "stun", "turn"; checked beforehand: URLs and
 * servers that cannot be meant are refused
 */
gboolean stile_options_servers(GVariant *options, StileServers *ret, GError **error);
/** Leaves @ret alone when there is no "relay". */
gboolean stile_options_relay(GVariant *options, StileRelayPolicy *ret, GError **error);
/** Leaves @ret alone when there is no "mtu"; 0 finds one, else 1280 to 65535. */
gboolean stile_options_mtu(GVariant *options, guint *ret, GError **error);
/** @ret: (nullable): set where there is an "effort": low, normal, high */
gboolean stile_options_effort(GVariant *options, const char **ret, GError **error);
/**
 * stile_options_endpoints:
 * @ret: (transfer full): set where there is an "endpoint": as stile_endpoint_name_parse() reads
 * them; what it was is freed
 */
gboolean stile_options_endpoints(GVariant *options, char ***ret, GError **error);
/** @text: `auto`, `only`, `never` */
gboolean stile_relay_policy_parse(const char *text, StileRelayPolicy *ret, GError **error);

G_END_DECLS
