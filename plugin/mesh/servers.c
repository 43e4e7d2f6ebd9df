/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mesh/servers.h"

#include "base/error.h"
#include "crypto/keys.h"
#include <string.h>

StileTurnServer *
stile_turn_server_new(const char *uri, const char *username, const char *password)
{
    StileTurnServer *server = g_new0(StileTurnServer, 1);

    server->uri = g_strdup(uri);
    server->username = g_strdup(username);
    server->password = g_strdup(password);
    return server;
}

void
stile_turn_server_free(StileTurnServer *server)
{
    if (!server)
        return;
    if (server->password)
        stile_memory_wipe(server->password, strlen(server->password));
    g_free(server->uri);
    g_free(server->username);
    g_free(server->password);
    g_free(server);
}

StileServers *
stile_servers_new(void)
{
    StileServers *servers = g_new0(StileServers, 1);

    servers->rendezvous = g_new0(char *, 1);
    servers->stun = g_new0(char *, 1);
    servers->turn = g_ptr_array_new_with_free_func((GDestroyNotify)stile_turn_server_free);
    return servers;
}

StileServers *
stile_servers_copy(const StileServers *servers)
{
    StileServers *copy = g_new0(StileServers, 1);

    copy->rendezvous = g_strdupv(servers->rendezvous);
    copy->stun = g_strdupv(servers->stun);
    copy->turn = g_ptr_array_new_with_free_func((GDestroyNotify)stile_turn_server_free);
    for (guint i = 0; i < servers->turn->len; i++) {
        const StileTurnServer *server = servers->turn->pdata[i];

        g_ptr_array_add(copy->turn,
                        stile_turn_server_new(server->uri, server->username, server->password));
    }
    return copy;
}

void
stile_servers_free(StileServers *servers)
{
    if (!servers)
        return;
    g_strfreev(servers->rendezvous);
    g_strfreev(servers->stun);
    g_ptr_array_unref(servers->turn);
    g_free(servers);
}

static gboolean
check_string(const char *string, gboolean spaces, const char *what, GError **error)
{
    const char *wrong = NULL;

    if (!string || string[0] == '\0')
        wrong = "is empty";
    else if (strlen(string) > STILE_SERVER_STRING_SIZE)
        wrong = "is too long";
    else if (!g_utf8_validate(string, -1, NULL))
        wrong = "is not valid UTF-8";
    for (const char *c = string; !wrong && *c; c = g_utf8_next_char(c)) {
        gunichar letter = g_utf8_get_char(c);

        if (g_unichar_iscntrl(letter))
            wrong = "has a control character in it";
        else if (!spaces && g_unichar_isspace(letter))
            wrong = "has white space in it";
    }
    if (wrong)
        g_set_error(error, STILE_ERROR, STILE_ERROR_INVALID_ARGUMENT, "%s %s", what, wrong);
    return wrong == NULL;
}

static gboolean
check_count(gsize count, const char *what, GError **error)
{
    if (count > STILE_SERVERS_MAX) {
        g_set_error(error, STILE_ERROR, STILE_ERROR_INVALID_ARGUMENT,
                    "There are more than %d %s servers", STILE_SERVERS_MAX, what);
        return FALSE;
    }
    return TRUE;
}

gboolean
stile_servers_check(const StileServers *servers, GError **error)
{
    if (!check_count(g_strv_length(servers->rendezvous), "rendezvous", error) ||
        !check_count(g_strv_length(servers->stun), "STUN", error) ||
        !check_count(servers->turn->len, "TURN", error))
        return FALSE;
    for (char **url = servers->rendezvous; *url; url++)
        if (!check_string(*url, FALSE, "The address of a rendezvous server", error))
            return FALSE;
    for (char **stun = servers->stun; *stun; stun++)
        if (!check_string(*stun, FALSE, "The address of a STUN server", error))
            return FALSE;
    for (guint i = 0; i < servers->turn->len; i++) {
        const StileTurnServer *server = servers->turn->pdata[i];

        if (!check_string(server->uri, FALSE, "The address of a TURN server", error) ||
            !check_string(server->username, TRUE, "The user name for a TURN server", error) ||
            !check_string(server->password, TRUE, "The password for a TURN server", error))
            return FALSE;
    }
    return TRUE;
}

static void
strings_to_json(GStrv strings, JsonObject *object, const char *name)
{
    JsonArray *array = json_array_new();

    for (char **string = strings; *string; string++)
        json_array_add_string_element(array, *string);
    json_object_set_array_member(object, name, array);
}

void
stile_servers_to_json(const StileServers *servers, JsonObject *object)
{
    JsonArray *turn = json_array_new();

    strings_to_json(servers->rendezvous, object, "rendezvous");
    strings_to_json(servers->stun, object, "stun");
    for (guint i = 0; i < servers->turn->len; i++) {
        const StileTurnServer *server = servers->turn->pdata[i];
        JsonObject *entry = json_object_new();

        json_object_set_string_member(entry, "uri", server->uri);
        json_object_set_string_member(entry, "username", server->username);
        json_object_set_string_member(entry, "password", server->password);
        json_array_add_object_element(turn, entry);
    }
    json_object_set_array_member(object, "turn", turn);
}

static GStrv
strings_from_json(JsonObject *object, const char *name)
{
    JsonArray *array = stile_json_array(object, name);
    g_autoptr(GStrvBuilder) builder = g_strv_builder_new();

    if (!array)
        return NULL;
    for (guint i = 0; i < json_array_get_length(array); i++) {
        JsonNode *node = json_array_get_element(array, i);

        if (!JSON_NODE_HOLDS_VALUE(node) || json_node_get_value_type(node) != G_TYPE_STRING)
            return NULL;
        g_strv_builder_add(builder, json_node_get_string(node));
    }
    return g_strv_builder_end(builder);
}

static gboolean
turn_from_json(JsonObject *object, GPtrArray *turn)
{
    JsonArray *array = stile_json_array(object, "turn");

    if (!array)
        return FALSE;
    for (guint i = 0; i < json_array_get_length(array); i++) {
        JsonNode *node = json_array_get_element(array, i);
        JsonObject *entry = JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : NULL;
        const char *uri = entry ? stile_json_string(entry, "uri") : NULL;
        const char *username = entry ? stile_json_string(entry, "username") : NULL;
        const char *password = entry ? stile_json_string(entry, "password") : NULL;

        if (!uri || !username || !password)
            return FALSE;
        g_ptr_array_add(turn, stile_turn_server_new(uri, username, password));
    }
    return TRUE;
}

StileServers *
stile_servers_from_json(JsonObject *object)
{
    g_autoptr(StileServers) servers = g_new0(StileServers, 1);

    servers->turn = g_ptr_array_new_with_free_func((GDestroyNotify)stile_turn_server_free);
    servers->rendezvous = strings_from_json(object, "rendezvous");
    servers->stun = strings_from_json(object, "stun");
    if (!servers->rendezvous || !servers->stun || !turn_from_json(object, servers->turn))
        return NULL;
    return g_steal_pointer(&servers);
}
