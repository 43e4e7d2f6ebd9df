/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mesh/options.h"

#include "base/error.h"
#include "mesh/server-uri.h"
#include "mesh/static-endpoints.h"
#include "rendezvous/url.h"
#include <string.h>

#define MTU_MIN 1280
#define MTU_MAX 65535

static const char *
known_type(const char *const *known, const char *key)
{
    for (; known[0]; known += 2)
        if (strcmp(known[0], key) == 0)
            return known[1];
    return NULL;
}

gboolean
stile_options_check(GVariant *options, const char *const *known, GError **error)
{
    GVariantIter iter;
    const char *key;
    GVariant *value;

    if (!options)
        return TRUE;
    g_variant_iter_init(&iter, options);
    while (g_variant_iter_loop(&iter, "{&sv}", &key, &value)) {
        const char *type = known_type(known, key);

        if (!type)
            g_set_error(error, STILE_ERROR, STILE_ERROR_INVALID_ARGUMENT,
                        "There is no option “%s” here", key);
        else if (!g_variant_is_of_type(value, G_VARIANT_TYPE(type)))
            g_set_error(error, STILE_ERROR, STILE_ERROR_INVALID_ARGUMENT,
                        "The option “%s” must be of type %s, not %s", key, type,
                        g_variant_get_type_string(value));
        else
            continue;
        g_variant_unref(value);
        return FALSE;
    }
    return TRUE;
}

gboolean
stile_options_has(GVariant *options, const char *key)
{
    g_autoptr(GVariant) value = options ? g_variant_lookup_value(options, key, NULL) : NULL;

    return value != NULL;
}

static StileTurnServer *
read_turn(GVariant *entry, GError **error)
{
    static const char *const known[] = {"uri", "s", "username", "s", "password", "s", NULL};
    const char *uri = NULL, *username = "", *password = "";
    g_auto(StileServerUri) parsed = {0};

    if (!stile_options_check(entry, known, error))
        return NULL;
    g_variant_lookup(entry, "uri", "&s", &uri);
    g_variant_lookup(entry, "username", "&s", &username);
    g_variant_lookup(entry, "password", "&s", &password);
    if (!stile_turn_uri_parse(&parsed, uri ? uri : "", error))
        return NULL;
    return stile_turn_server_new(uri, username, password);
}

static GPtrArray *
read_turns(GVariant *list, GError **error)
{
    g_autoptr(GPtrArray)
        turn = g_ptr_array_new_with_free_func((GDestroyNotify)stile_turn_server_free);

    for (gsize i = 0; i < g_variant_n_children(list); i++) {
        g_autoptr(GVariant) entry = g_variant_get_child_value(list, i);
        StileTurnServer *server = read_turn(entry, error);

        if (!server)
            return NULL;
        g_ptr_array_add(turn, server);
    }
    return g_steal_pointer(&turn);
}

static gboolean
check_urls(const char *const *urls, GError **error)
{
    for (; *urls; urls++) {
        g_auto(StileBrokerUrl) url = {0};

        if (!stile_broker_url_parse(&url, *urls, error))
            return FALSE;
    }
    return TRUE;
}

static gboolean
check_stun(const char *const *servers, GError **error)
{
    for (; *servers; servers++) {
        g_auto(StileServerUri) uri = {0};

        if (!stile_stun_uri_parse(&uri, *servers, error))
            return FALSE;
    }
    return TRUE;
}

gboolean
stile_options_servers(GVariant *options, StileServers *ret, GError **error)
{
    g_autoptr(GPtrArray) turn = NULL;
    g_autoptr(GVariant) turn_list = NULL;
    g_auto(GStrv) rendezvous = NULL, stun = NULL;

    if (!options)
        return TRUE;
    if (g_variant_lookup(options, "rendezvous", "^as", &rendezvous) &&
        !check_urls((const char *const *)rendezvous, error))
        return FALSE;
    if (g_variant_lookup(options, "stun", "^as", &stun) &&
        !check_stun((const char *const *)stun, error))
        return FALSE;
    turn_list = g_variant_lookup_value(options, "turn", G_VARIANT_TYPE("aa{sv}"));
    if (turn_list && !(turn = read_turns(turn_list, error)))
        return FALSE;
    if (rendezvous) {
        g_strfreev(ret->rendezvous);
        ret->rendezvous = g_steal_pointer(&rendezvous);
    }
    if (stun) {
        g_strfreev(ret->stun);
        ret->stun = g_steal_pointer(&stun);
    }
    if (turn) {
        g_clear_pointer(&ret->turn, g_ptr_array_unref);
        ret->turn = g_steal_pointer(&turn);
    }
    return TRUE;
}

gboolean
stile_relay_policy_parse(const char *text, StileRelayPolicy *ret, GError **error)
{
    static const char *const words[] = {
        [STILE_RELAY_AUTO] = "auto",
        [STILE_RELAY_ONLY] = "only",
        [STILE_RELAY_NEVER] = "never",
    };

    for (gsize i = 0; i < G_N_ELEMENTS(words); i++) {
        if (strcmp(text, words[i]) == 0) {
            *ret = (StileRelayPolicy)i;
            return TRUE;
        }
    }
    g_set_error(error, STILE_ERROR, STILE_ERROR_INVALID_ARGUMENT,
                "“relay” is auto, only or never, not “%s”", text);
    return FALSE;
}

gboolean
stile_options_relay(GVariant *options, StileRelayPolicy *ret, GError **error)
{
    const char *text;

    if (!options || !g_variant_lookup(options, "relay", "&s", &text))
        return TRUE;
    return stile_relay_policy_parse(text, ret, error);
}

gboolean
stile_options_mtu(GVariant *options, guint *ret, GError **error)
{
    guint32 mtu;

    if (!options || !g_variant_lookup(options, "mtu", "u", &mtu))
        return TRUE;
    if (mtu != 0 && (mtu < MTU_MIN || mtu > MTU_MAX)) {
        g_set_error(error, STILE_ERROR, STILE_ERROR_INVALID_ARGUMENT,
                    "“mtu” is %u to %u, or 0 to find one, not %u", MTU_MIN, MTU_MAX, mtu);
        return FALSE;
    }
    *ret = mtu;
    return TRUE;
}

gboolean
stile_options_endpoints(GVariant *options, char ***ret, GError **error)
{
    g_auto(GStrv) endpoints = NULL;

    if (!options || !g_variant_lookup(options, "endpoint", "^as", &endpoints))
        return TRUE;
    for (char **endpoint = endpoints; *endpoint; endpoint++) {
        g_auto(StileEndpointName) name = {0};

        if (!stile_endpoint_name_parse(&name, *endpoint, error))
            return FALSE;
    }
    g_strfreev(*ret);
    *ret = g_steal_pointer(&endpoints);
    return TRUE;
}

gboolean
stile_options_effort(GVariant *options, const char **ret, GError **error)
{
    static const char *const words[] = {"low", "normal", "high", NULL};
    const char *text;

    if (!options || !g_variant_lookup(options, "effort", "&s", &text))
        return TRUE;
    if (!g_strv_contains(words, text)) {
        g_set_error(error, STILE_ERROR, STILE_ERROR_INVALID_ARGUMENT,
                    "“effort” is low, normal or high, not “%s”", text);
        return FALSE;
    }
    if (ret)
        *ret = text;
    return TRUE;
}
