/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/error.h"
#include "mesh/store.h"
#include <string.h>

#define VERSION  1
#define TEXT_MAX (16 * 1024 * 1024)

StileNetworkState *
stile_network_state_new(void)
{
    StileNetworkState *state = g_new0(StileNetworkState, 1);

    state->members = g_hash_table_new_full(g_str_hash, g_str_equal, g_free,
                                           (GDestroyNotify)g_bytes_unref);
    state->vouchers = g_ptr_array_new_with_free_func((GDestroyNotify)g_bytes_unref);
    state->servers = stile_servers_new();
    state->options = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    return state;
}

void
stile_network_state_free(StileNetworkState *state)
{
    if (!state)
        return;
    g_free(state->name);
    g_clear_pointer(&state->certificate, g_bytes_unref);
    g_hash_table_unref(state->members);
    g_clear_pointer(&state->revocations, g_bytes_unref);
    g_ptr_array_unref(state->vouchers);
    stile_servers_free(state->servers);
    g_hash_table_unref(state->options);
    stile_memory_wipe(state, sizeof *state);
    g_free(state);
}

gboolean
stile_network_state_is_creator(const StileNetworkState *state)
{
    static const guint8 zeros[STILE_KEY_SIZE];

    return !stile_memory_equal(state->network_private, zeros, sizeof zeros);
}

static void
set_bytes(JsonObject *object, const char *name, GBytes *bytes)
{
    gsize size;
    const void *data = g_bytes_get_data(bytes, &size);

    stile_json_set_bytes(object, name, data, size);
}

static void
set_prefix(JsonObject *object, const char *name, const StilePrefix *prefix)
{
    if (stile_address_is_set(&prefix->address)) {
        g_autofree char *text = stile_prefix_to_string(prefix);

        json_object_set_string_member(object, name, text);
    }
}

/* Sorted, so that the same state is the same text. */
static void
set_members(JsonObject *object, GHashTable *members)
{
    g_autoptr(GList) keys = g_list_sort(g_hash_table_get_keys(members), (GCompareFunc)strcmp);
    JsonObject *entries = json_object_new();

    for (GList *key = keys; key; key = key->next)
        set_bytes(entries, key->data, g_hash_table_lookup(members, key->data));
    json_object_set_object_member(object, "members", entries);
}

static void
set_options(JsonObject *object, GHashTable *options)
{
    g_autoptr(GList) keys = g_list_sort(g_hash_table_get_keys(options), (GCompareFunc)strcmp);
    JsonObject *entries = json_object_new();

    for (GList *key = keys; key; key = key->next)
        json_object_set_string_member(entries, key->data, g_hash_table_lookup(options, key->data));
    json_object_set_object_member(object, "options", entries);
}

static void
set_vouchers(JsonObject *object, GPtrArray *vouchers)
{
    JsonArray *array = json_array_new();

    for (guint i = 0; i < vouchers->len; i++) {
        gsize size;
        const void *data = g_bytes_get_data(vouchers->pdata[i], &size);
        g_autofree char *text = g_base64_encode(data, size);

        json_array_add_string_element(array, text);
    }
    json_object_set_array_member(object, "vouchers", array);
}

char *
stile_network_state_to_text(const StileNetworkState *state)
{
    g_autoptr(JsonObject) object = json_object_new();

    json_object_set_int_member(object, "stile-state", VERSION);
    json_object_set_string_member(object, "name", state->name);
    stile_json_set_bytes(object, "network", state->id, STILE_KEY_SIZE);
    stile_json_set_bytes(object, "key", state->network_key, STILE_KEY_SIZE);
    if (stile_network_state_is_creator(state))
        stile_json_set_bytes(object, "network-private", state->network_private, STILE_KEY_SIZE);
    stile_json_set_bytes(object, "device-private", state->device_private, STILE_KEY_SIZE);
    stile_json_set_bytes(object, "tunnel-private", state->tunnel_private, STILE_KEY_SIZE);
    set_bytes(object, "certificate", state->certificate);
    set_members(object, state->members);
    if (state->revocations)
        set_bytes(object, "revocations", state->revocations);
    set_vouchers(object, state->vouchers);
    stile_servers_to_json(state->servers, object);
    set_prefix(object, "subnet4", &state->subnet4);
    set_prefix(object, "subnet6", &state->subnet6);
    set_options(object, state->options);
    json_object_set_boolean_member(object, "autoconnect", state->autoconnect);
    json_object_set_boolean_member(object, "was-up", state->was_up);
    return stile_json_to_text(object);
}

static gboolean
get_prefix(JsonObject *object, const char *name, StilePrefix *ret)
{
    const char *text = stile_json_string(object, name);

    return text && stile_prefix_parse(ret, text, NULL);
}

static gboolean
get_members(JsonObject *object, GHashTable *members)
{
    JsonObject *entries = stile_json_object(object, "members");
    g_autoptr(GList) names = entries ? json_object_get_members(entries) : NULL;

    for (GList *name = names; name; name = name->next) {
        g_autoptr(GBytes) certificate = stile_json_bytes(entries, name->data);
        guint8 key[STILE_KEY_SIZE];

        if (!certificate || !stile_key_parse(key, name->data, NULL))
            return FALSE;
        g_hash_table_insert(members, g_strdup(name->data), g_steal_pointer(&certificate));
    }
    return entries != NULL;
}

static gboolean
get_options(JsonObject *object, GHashTable *options)
{
    JsonObject *entries = stile_json_object(object, "options");
    g_autoptr(GList) names = entries ? json_object_get_members(entries) : NULL;

    for (GList *name = names; name; name = name->next) {
        const char *option = stile_json_string(entries, name->data);

        if (!option)
            return FALSE;
        g_hash_table_insert(options, g_strdup(name->data), g_strdup(option));
    }
    return entries != NULL;
}

static gboolean
get_vouchers(JsonObject *object, GPtrArray *vouchers)
{
    JsonArray *array = stile_json_array(object, "vouchers");

    for (guint i = 0; array && i < json_array_get_length(array); i++) {
        JsonNode *node = json_array_get_element(array, i);
        const char *text = JSON_NODE_HOLDS_VALUE(node) ? json_node_get_string(node) : NULL;
        GBytes *voucher = text ? stile_base64_decode(text) : NULL;

        if (!voucher)
            return FALSE;
        g_ptr_array_add(vouchers, voucher);
    }
    return array != NULL;
}

/* Returns: (nullable): which member is not as it should be */
static const char *
read_members(StileNetworkState *state, JsonObject *object)
{
    if (!(state->name = g_strdup(stile_json_string(object, "name"))) ||
        !stile_name_check(state->name, NULL))
        return "name";
    if (!stile_json_fixed(object, "network", state->id, STILE_KEY_SIZE))
        return "network";
    if (!stile_json_fixed(object, "key", state->network_key, STILE_KEY_SIZE))
        return "key";
    if (json_object_has_member(object, "network-private") &&
        !stile_json_fixed(object, "network-private", state->network_private, STILE_KEY_SIZE))
        return "network-private";
    if (!stile_json_fixed(object, "device-private", state->device_private, STILE_KEY_SIZE))
        return "device-private";
    if (!stile_json_fixed(object, "tunnel-private", state->tunnel_private, STILE_KEY_SIZE))
        return "tunnel-private";
    if (!(state->certificate = stile_json_bytes(object, "certificate")))
        return "certificate";
    if (!get_members(object, state->members))
        return "members";
    if (json_object_has_member(object, "revocations") &&
        !(state->revocations = stile_json_bytes(object, "revocations")))
        return "revocations";
    if (!get_vouchers(object, state->vouchers))
        return "vouchers";
    if (!get_prefix(object, "subnet4", &state->subnet4))
        return "subnet4";
    if (json_object_has_member(object, "subnet6") &&
        !get_prefix(object, "subnet6", &state->subnet6))
        return "subnet6";
    if (!get_options(object, state->options))
        return "options";
    if (!stile_json_boolean(object, "autoconnect", &state->autoconnect))
        return "autoconnect";
    if (!stile_json_boolean(object, "was-up", &state->was_up))
        return "was-up";
    stile_servers_free(state->servers);
    if (!(state->servers = stile_servers_from_json(object)))
        return "servers";
    return NULL;
}

/* Keys and certificate belong together; a private key of another network would sign for nobody. */
static gboolean
check_keys(const StileNetworkState *state, GError **error)
{
    g_auto(StileCertificate) certificate = {0};
    guint8 device[STILE_KEY_SIZE], tunnel[STILE_KEY_SIZE], network[STILE_KEY_SIZE];
    gsize size;
    const void *data = g_bytes_get_data(state->certificate, &size);

    if (!stile_certificate_parse(&certificate, state->id, data, size, error))
        return FALSE;
    stile_ed25519_public(state->device_private, device);
    stile_x25519_public(state->tunnel_private, tunnel);
    if (!stile_memory_equal(device, certificate.device, STILE_KEY_SIZE) ||
        !stile_memory_equal(tunnel, certificate.tunnel, STILE_KEY_SIZE)) {
        g_set_error_literal(error, STILE_ERROR, STILE_ERROR_INVALID_ARGUMENT,
                            "The certificate is for other keys than those beside it");
        return FALSE;
    }
    stile_ed25519_public(state->network_private, network);
    if (stile_network_state_is_creator(state) &&
        !stile_memory_equal(network, state->id, STILE_KEY_SIZE)) {
        g_set_error_literal(error, STILE_ERROR, STILE_ERROR_INVALID_ARGUMENT,
                            "The network's private key is that of another network");
        return FALSE;
    }
    return TRUE;
}

StileNetworkState *
stile_network_state_parse(const char *text, gsize size, GError **error)
{
    g_autoptr(JsonObject) object = stile_json_parse(text, size, TEXT_MAX, error);
    g_autoptr(StileNetworkState) state = NULL;
    const char *wrong;
    gint64 version;

    if (!object)
        return NULL;
    if (!stile_json_integer(object, "stile-state", &version) || version < 1) {
        g_set_error_literal(error, STILE_ERROR, STILE_ERROR_INVALID_ARGUMENT,
                            "It is not the state of a network");
        return NULL;
    }
    if (version > VERSION) {
        g_set_error_literal(error, STILE_ERROR, STILE_ERROR_INVALID_ARGUMENT,
                            "It was written by a newer version of Stile than this one");
        return NULL;
    }
    state = stile_network_state_new();
    if ((wrong = read_members(state, object))) {
        g_set_error(error, STILE_ERROR, STILE_ERROR_INVALID_ARGUMENT,
                    "Its “%s” is missing or malformed", wrong);
        return NULL;
    }
    if (!check_keys(state, error))
        return NULL;
    return g_steal_pointer(&state);
}
