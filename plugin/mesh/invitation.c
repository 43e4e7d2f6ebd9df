/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mesh/invitation.h"

#include "base/error.h"
#include <string.h>

/*
 * An invitation has one binary form. The network's signature is over it, and the URI is it: a kind,
 * a version and how long it is in all, by which a truncated one is told from an altered one; then
 * the fields; then the signature. The JSON form has the same fields under names.
 */
#define CONTEXT     "stile invitation 1"
#define VERSION     1
#define URI_SCHEME  "stile:"
#define HEAD_SIZE   4 /* kind, version, size of all */
#define VOUCHER_MAX 512
#define BINARY_MAX  49152
#define USEC        G_USEC_PER_SEC

G_STATIC_ASSERT(BINARY_MAX > 5 * STILE_SERVERS_MAX * (2 + STILE_SERVER_STRING_SIZE) + 2048);
G_STATIC_ASSERT(BINARY_MAX <= G_MAXUINT16);

static const char *const members[] = {
    "network", "name", "key",        "voucher", "voucher-key", "member",
    "expires", "stun", "rendezvous", "turn",    "signature",
};

void
stile_invitation_free(StileInvitation *invitation)
{
    if (!invitation)
        return;
    g_free(invitation->network_name);
    g_clear_pointer(&invitation->voucher, g_bytes_unref);
    g_clear_pointer(&invitation->servers, stile_servers_free);
    stile_memory_wipe(invitation, sizeof *invitation);
    g_free(invitation);
}

static gboolean
set_alien(GError **error)
{
    g_set_error_literal(error, STILE_ERROR, STILE_ERROR_INVALID_ARGUMENT,
                        "This is not a Stile invitation");
    return FALSE;
}

static gboolean
set_incomplete(GError **error)
{
    g_set_error_literal(error, STILE_ERROR, STILE_ERROR_INVALID_ARGUMENT,
                        "The invitation is incomplete: a part of it is missing");
    return FALSE;
}

static gboolean
set_altered(GError **error)
{
    g_set_error_literal(error, STILE_ERROR, STILE_ERROR_NOT_AUTHORIZED,
                        "The invitation was altered after it was made");
    return FALSE;
}

static gboolean
set_newer(GError **error)
{
    g_set_error_literal(error, STILE_ERROR, STILE_ERROR_INVALID_ARGUMENT,
                        "The invitation was made by a newer version of Stile than this one");
    return FALSE;
}

static void
write_strings(StileWriter *writer, GStrv strings)
{
    stile_writer_u8(writer, (guint8)g_strv_length(strings));
    for (char **string = strings; *string; string++)
        stile_writer_string(writer, *string);
}

/* All but the signature. */
static void
write_fields(StileWriter *writer, const StileInvitation *invitation)
{
    const GPtrArray *turn = invitation->servers->turn;
    gsize voucher_size, start = writer->used;
    const void *voucher = g_bytes_get_data(invitation->voucher, &voucher_size);
    guint8 *total;

    stile_writer_u8(writer, 'I');
    stile_writer_u8(writer, VERSION);
    total = stile_writer_reserve(writer, sizeof(guint16));
    stile_writer_bytes(writer, invitation->network, STILE_KEY_SIZE);
    stile_writer_string(writer, invitation->network_name);
    stile_writer_bytes(writer, invitation->network_key, STILE_KEY_SIZE);
    stile_writer_u16be(writer, (guint16)voucher_size);
    stile_writer_bytes(writer, voucher, voucher_size);
    stile_writer_bytes(writer, invitation->voucher_key, STILE_KEY_SIZE);
    write_strings(writer, invitation->servers->rendezvous);
    write_strings(writer, invitation->servers->stun);
    stile_writer_u8(writer, (guint8)turn->len);
    for (guint i = 0; i < turn->len; i++) {
        const StileTurnServer *server = turn->pdata[i];

        stile_writer_string(writer, server->uri);
        stile_writer_string(writer, server->username);
        stile_writer_string(writer, server->password);
    }
    if (!writer->failed) {
        StileWriter head = STILE_WRITER_INIT(total, sizeof(guint16));

        stile_writer_u16be(&head, (guint16)(writer->used - start + STILE_SIGNATURE_SIZE));
    }
}

static GStrv
read_strings(StileReader *reader)
{
    g_autoptr(GStrvBuilder) builder = g_strv_builder_new();

    for (guint8 left = stile_reader_u8(reader); left > 0 && !reader->failed; left--) {
        g_autofree char *string = stile_reader_string(reader, STILE_SERVER_STRING_SIZE);

        if (string)
            g_strv_builder_add(builder, string);
    }
    return g_strv_builder_end(builder);
}

static void
read_turn(StileReader *reader, GPtrArray *turn)
{
    for (guint8 left = stile_reader_u8(reader); left > 0 && !reader->failed; left--) {
        StileTurnServer *server = g_new0(StileTurnServer, 1);

        server->uri = stile_reader_string(reader, STILE_SERVER_STRING_SIZE);
        server->username = stile_reader_string(reader, STILE_SERVER_STRING_SIZE);
        server->password = stile_reader_string(reader, STILE_SERVER_STRING_SIZE);
        g_ptr_array_add(turn, server);
    }
}

static StileInvitation *
read_binary(const guint8 *data, gsize size, GError **error)
{
    StileReader reader = STILE_READER_INIT(data, size);
    g_autoptr(StileInvitation) invitation = NULL;
    guint8 kind = stile_reader_u8(&reader), version = stile_reader_u8(&reader);
    gsize total = stile_reader_u16be(&reader), voucher_size;
    const guint8 *voucher;

    if (size > 0 && kind != 'I')
        set_alien(error);
    else if (size > 1 && version > VERSION)
        set_newer(error);
    else if (reader.failed || size < total)
        set_incomplete(error);
    else if (size > total || version == 0)
        set_altered(error);
    else
        invitation = g_new0(StileInvitation, 1);
    if (!invitation)
        return NULL;

    invitation->servers = g_new0(StileServers, 1);
    invitation->servers->turn = g_ptr_array_new_with_free_func(
        (GDestroyNotify)stile_turn_server_free);
    stile_reader_copy(&reader, invitation->network, STILE_KEY_SIZE);
    invitation->network_name = stile_reader_string(&reader, STILE_NAME_MAX);
    stile_reader_copy(&reader, invitation->network_key, STILE_KEY_SIZE);
    voucher_size = stile_reader_u16be(&reader);
    voucher = stile_reader_take(&reader, voucher_size);
    invitation->voucher = g_bytes_new(voucher, voucher ? voucher_size : 0);
    stile_reader_copy(&reader, invitation->voucher_key, STILE_KEY_SIZE);
    invitation->servers->rendezvous = read_strings(&reader);
    invitation->servers->stun = read_strings(&reader);
    read_turn(&reader, invitation->servers->turn);
    stile_reader_copy(&reader, invitation->signature, STILE_SIGNATURE_SIZE);
    if (!stile_reader_done(&reader)) {
        set_altered(error);
        return NULL;
    }
    return g_steal_pointer(&invitation);
}

/* What the signature is over: the context with its NUL, then the binary form as far as it. */
static guint8 *
signed_message(const StileInvitation *invitation, gsize *ret_size)
{
    g_autofree guint8 *message = g_malloc(BINARY_MAX);
    StileWriter writer = STILE_WRITER_INIT(message, BINARY_MAX);

    stile_writer_bytes(&writer, CONTEXT, sizeof CONTEXT);
    write_fields(&writer, invitation);
    g_assert(!writer.failed);
    *ret_size = writer.used;
    return g_steal_pointer(&message);
}

void
stile_invitation_sign(StileInvitation *invitation, const guint8 network_private[STILE_KEY_SIZE])
{
    gsize size;
    g_autofree guint8 *message = signed_message(invitation, &size);

    stile_ed25519_sign(network_private, message, size, invitation->signature);
    stile_memory_wipe(message, size);
}

static char *
to_base64url(const guint8 *data, gsize size)
{
    char *text = g_base64_encode(data, size);

    g_strdelimit(g_strdelimit(text, "+", '-'), "/", '_');
    g_strdelimit(text, "=", '\0');
    return text;
}

char *
stile_invitation_to_uri(const StileInvitation *invitation)
{
    g_autofree guint8 *data = g_malloc(BINARY_MAX);
    StileWriter writer = STILE_WRITER_INIT(data, BINARY_MAX);
    g_autofree char *text = NULL;

    write_fields(&writer, invitation);
    stile_writer_bytes(&writer, invitation->signature, STILE_SIGNATURE_SIZE);
    g_assert(!writer.failed);
    text = to_base64url(data, writer.used);
    return g_strconcat(URI_SCHEME, text, NULL);
}

/* @text: without the scheme */
static StileInvitation *
from_uri(const char *text, gsize size, GError **error)
{
    g_autoptr(GString) bare = g_string_sized_new(size);
    g_autofree char *base64 = NULL;
    g_autofree char *again = NULL;
    g_autofree guint8 *data = NULL;
    StileInvitation *invitation;
    gsize data_size;

    for (gsize i = 0; i < size; i++) {
        if (g_ascii_isspace(text[i]))
            continue;
        if (!g_ascii_isalnum(text[i]) && text[i] != '-' && text[i] != '_') {
            set_altered(error);
            return NULL;
        }
        g_string_append_c(bare, text[i]);
    }
    /* A single character of four is no whole byte: the rest was cut off. */
    if (bare->len % 4 == 1)
        g_string_truncate(bare, bare->len - 1);
    base64 = g_strconcat(bare->str, &"==="[(bare->len + 3) % 4], NULL);
    g_strdelimit(g_strdelimit(base64, "-", '+'), "_", '/');
    data = g_base64_decode(base64, &data_size);
    if (!(invitation = read_binary(data, data_size, error)))
        return NULL;
    /* Bits in the last character that are part of no byte */
    again = to_base64url(data, data_size);
    if (strcmp(again, bare->str) != 0) {
        stile_invitation_free(invitation);
        set_altered(error);
        return NULL;
    }
    return invitation;
}

static char *
time_to_iso8601(gint64 time)
{
    g_autoptr(GDateTime) date = g_date_time_new_from_unix_utc(time / USEC);

    return date ? g_date_time_format_iso8601(date) : g_strdup("");
}

static char *
time_to_words(gint64 time)
{
    g_autoptr(GDateTime) date = g_date_time_new_from_unix_local(time / USEC);

    return date ? g_date_time_format(date, "%Y-%m-%d %H:%M") : g_strdup("another age");
}

char *
stile_invitation_to_json(const StileInvitation *invitation)
{
    g_autoptr(JsonObject) object = json_object_new();
    g_auto(StileVoucher) voucher = {0};
    gsize size;
    const void *data = g_bytes_get_data(invitation->voucher, &size);

    json_object_set_int_member(object, "stile", VERSION);
    json_object_set_string_member(object, "name", invitation->network_name);
    if (stile_voucher_read(&voucher, data, size, NULL)) {
        g_autofree char *expires = time_to_iso8601(voucher.not_after);

        json_object_set_string_member(object, "member", voucher.name);
        json_object_set_string_member(object, "expires", expires);
    }
    stile_json_set_bytes(object, "network", invitation->network, STILE_KEY_SIZE);
    stile_json_set_bytes(object, "key", invitation->network_key, STILE_KEY_SIZE);
    stile_json_set_bytes(object, "voucher", data, size);
    stile_json_set_bytes(object, "voucher-key", invitation->voucher_key, STILE_KEY_SIZE);
    stile_servers_to_json(invitation->servers, object);
    stile_json_set_bytes(object, "signature", invitation->signature, STILE_SIGNATURE_SIZE);
    return stile_json_to_text(object);
}

static gboolean
read_json(StileInvitation *invitation, JsonObject *object)
{
    const char *name = stile_json_string(object, "name");

    if (!name || strlen(name) > STILE_NAME_MAX)
        return FALSE;
    invitation->network_name = g_strdup(name);
    invitation->servers = stile_servers_from_json(object);
    invitation->voucher = stile_json_bytes(object, "voucher");
    return invitation->servers && stile_servers_check(invitation->servers, NULL) &&
           invitation->voucher && g_bytes_get_size(invitation->voucher) <= VOUCHER_MAX &&
           stile_json_fixed(object, "network", invitation->network, STILE_KEY_SIZE) &&
           stile_json_fixed(object, "key", invitation->network_key, STILE_KEY_SIZE) &&
           stile_json_fixed(object, "voucher-key", invitation->voucher_key, STILE_KEY_SIZE) &&
           stile_json_fixed(object, "signature", invitation->signature, STILE_SIGNATURE_SIZE);
}

/* What a file says in plain about the voucher, for people to read, is what the voucher says. */
static gboolean
agrees(JsonObject *object, const StileVoucher *voucher)
{
    g_autofree char *expires = time_to_iso8601(voucher->not_after);

    return g_strcmp0(stile_json_string(object, "member"), voucher->name) == 0 &&
           g_strcmp0(stile_json_string(object, "expires"), expires) == 0;
}

static StileInvitation *
from_json(const char *text, gsize size, JsonObject **ret_object, GError **error)
{
    g_autoptr(JsonObject) object = stile_json_parse(text, size, STILE_INVITATION_TEXT_MAX, NULL);
    g_autoptr(StileInvitation) invitation = NULL;
    gint64 version;

    if (!object) {
        /* Any JSON may have been cut; that it was ours cannot be seen then. */
        if (stile_json_check(text, size, G_MAXUINT) == STILE_JSON_INCOMPLETE)
            set_incomplete(error);
        else if (g_strstr_len(text, (gssize)size, "\"stile\""))
            set_altered(error);
        else
            set_alien(error);
        return NULL;
    }
    if (!stile_json_integer(object, "stile", &version) || version < 1) {
        set_alien(error);
        return NULL;
    }
    if (version > VERSION) {
        set_newer(error);
        return NULL;
    }
    for (gsize i = 0; i < G_N_ELEMENTS(members); i++)
        if (!json_object_has_member(object, members[i])) {
            set_incomplete(error);
            return NULL;
        }
    invitation = g_new0(StileInvitation, 1);
    if (!read_json(invitation, object)) {
        set_altered(error);
        return NULL;
    }
    *ret_object = g_steal_pointer(&object);
    return g_steal_pointer(&invitation);
}

static gboolean
check_parts(const StileInvitation *invitation, StileVoucher *ret_voucher, GError **error)
{
    gsize size, message_size;
    const void *data = g_bytes_get_data(invitation->voucher, &size);
    g_auto(StileVoucher) voucher = {0};
    g_autofree guint8 *message = NULL;
    guint8 voucher_public[STILE_KEY_SIZE];
    gboolean genuine;

    if (!stile_servers_check(invitation->servers, NULL) ||
        !stile_name_check(invitation->network_name, NULL) ||
        !stile_voucher_read(&voucher, data, size, NULL))
        return set_altered(error);
    if (!stile_memory_equal(voucher.network, invitation->network, STILE_KEY_SIZE)) {
        g_set_error_literal(error, STILE_ERROR, STILE_ERROR_NOT_AUTHORIZED,
                            "The parts of the invitation belong to different networks");
        return FALSE;
    }
    message = signed_message(invitation, &message_size);
    genuine = stile_ed25519_verify(invitation->network, message, message_size,
                                   invitation->signature);
    stile_memory_wipe(message, message_size);
    if (!genuine)
        return set_altered(error);
    stile_ed25519_public(invitation->voucher_key, voucher_public);
    if (!stile_memory_equal(voucher_public, voucher.key, STILE_KEY_SIZE))
        return set_altered(error);
    return stile_voucher_parse(ret_voucher, invitation->network, data, size, error);
}

static gboolean
check_dates(const StileVoucher *voucher, gint64 now, GError **error)
{
    g_autofree char *words = NULL;
    g_autofree char *clock = time_to_words(now);

    if (now > voucher->not_after) {
        words = time_to_words(voucher->not_after);
        g_set_error(error, STILE_ERROR, STILE_ERROR_EXPIRED, "The invitation expired on %s", words);
        return FALSE;
    }
    if (now < voucher->not_before) {
        words = time_to_words(voucher->not_before);
        g_set_error(error, STILE_ERROR, STILE_ERROR_EXPIRED,
                    "The invitation is good from %s on, but the clock of this computer says %s",
                    words, clock);
        return FALSE;
    }
    return TRUE;
}

StileInvitation *
stile_invitation_parse(const char *text, gsize size, gint64 now, GError **error)
{
    g_autoptr(StileInvitation) invitation = NULL;
    g_autoptr(JsonObject) object = NULL;
    g_auto(StileVoucher) voucher = {0};

    /* Editors put a byte order mark in front. */
    if (size >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
        text += 3;
        size -= 3;
    }
    for (; size > 0 && g_ascii_isspace(*text); size--)
        text++;
    while (size > 0 && g_ascii_isspace(text[size - 1]))
        size--;
    if (size <= STILE_INVITATION_TEXT_MAX && size >= strlen(URI_SCHEME) &&
        g_ascii_strncasecmp(text, URI_SCHEME, strlen(URI_SCHEME)) == 0)
        invitation = from_uri(text + strlen(URI_SCHEME), size - strlen(URI_SCHEME), error);
    else if (size <= STILE_INVITATION_TEXT_MAX && size > 0 && *text == '{')
        invitation = from_json(text, size, &object, error);
    else
        set_alien(error);
    if (!invitation || !check_parts(invitation, &voucher, error))
        return NULL;
    if (object && !agrees(object, &voucher)) {
        set_altered(error);
        return NULL;
    }
    if (!check_dates(&voucher, now, error))
        return NULL;
    return g_steal_pointer(&invitation);
}
