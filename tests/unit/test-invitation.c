/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* An invitation survives the way as a file and as a URI, and one that did not is refused with the
 * right code and a sentence: truncated at any byte, altered in any character or field, expired, not
 * valid yet, of parts of two networks, of a newer version, or no invitation at all. Each refusal
 * goes the whole way that joining goes, and afterwards the state directory is as empty as before.
 */
#include "base/error.h"
#include "mesh/identity.h"
#include <glib/gstdio.h>
#include <string.h>

#define NOW  G_GINT64_CONSTANT(1800000000000000) /* 2027-01-15 08:00 UTC */
#define HOUR (3600 * (gint64)G_USEC_PER_SEC)
#define DAY  (24 * HOUR)

typedef struct {
    StileClock *clock;
    StileStore *store;
    char *directory;
    StileNetworkState *creator;
    StileInvitation *invitation;
    char *json, *uri;
} Fixture;

static StileServers *
make_servers(void)
{
    StileServers *servers = stile_servers_new();

    g_strfreev(servers->rendezvous);
    g_strfreev(servers->stun);
    servers->rendezvous = g_strsplit("mqtts://broker.example.org mqtt://10.0.0.1:1883", " ", -1);
    servers->stun = g_strsplit("stun.example.org:3478", " ", -1);
    g_ptr_array_add(servers->turn, stile_turn_server_new("turn:turn.example.org?transport=udp",
                                                         "ann", "p\"a\\ss {w}[ö]rd"));
    return servers;
}

static StileNetworkState *
make_network(StileClock *clock, const char *name)
{
    g_autoptr(StileServers) servers = make_servers();
    g_autoptr(GError) error = NULL;
    StilePrefix subnet;
    StileNetworkState *state;

    g_assert_true(stile_prefix_parse(&subnet, "10.86.0.0/16", NULL));
    state = stile_identity_create(clock, name, "desktop", &subnet, servers, &error);
    g_assert_no_error(error);
    return state;
}

static void
set_up(Fixture *fixture, gconstpointer unused)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *state_directory = NULL;

    fixture->clock = stile_clock_new_virtual(0, 1);
    stile_clock_set_real(fixture->clock, NOW);
    fixture->directory = g_dir_make_tmp("stile-test-XXXXXX", &error);
    g_assert_no_error(error);
    state_directory = g_build_filename(fixture->directory, "state", NULL);
    fixture->store = stile_store_open(state_directory, &error);
    g_assert_no_error(error);
    fixture->creator = make_network(fixture->clock, "home");
    fixture->invitation = stile_identity_invite(fixture->clock, fixture->creator, "laptop", DAY,
                                                &error);
    g_assert_no_error(error);
    fixture->json = stile_invitation_to_json(fixture->invitation);
    fixture->uri = stile_invitation_to_uri(fixture->invitation);
}

static void
tear_down(Fixture *fixture, gconstpointer unused)
{
    g_autofree char *state = g_build_filename(fixture->directory, "state", NULL);
    g_autofree char *networks = g_build_filename(state, "networks", NULL);

    g_assert_cmpint(g_rmdir(networks), ==, 0);
    g_assert_cmpint(g_rmdir(state), ==, 0);
    g_assert_cmpint(g_rmdir(fixture->directory), ==, 0);
    stile_clock_unref(fixture->clock);
    stile_store_free(fixture->store);
    stile_network_state_free(fixture->creator);
    stile_invitation_free(fixture->invitation);
    g_free(fixture->directory);
    g_free(fixture->json);
    g_free(fixture->uri);
}

/* What the engine does with an invitation. */
static gboolean
redeem(Fixture *fixture, const char *text, gsize size, GError **error)
{
    g_autofree char *exact = g_memdup2(text, size); /* so that a sanitizer sees its end */
    g_autoptr(StileInvitation)
        invitation = stile_invitation_parse(exact, size, stile_clock_real(fixture->clock), error);
    g_autoptr(StileNetworkState)
        state = invitation ? stile_identity_join(fixture->clock, invitation, error) : NULL;

    return state && stile_store_save(fixture->store, state, error);
}

static char *
refuse(Fixture *fixture, const char *text, gsize size, StileError code)
{
    g_autofree char *networks = g_build_filename(fixture->directory, "state", "networks", NULL);
    g_autoptr(GError) error = NULL;
    g_autoptr(GDir) dir = NULL;

    if (redeem(fixture, text, size, &error))
        g_error("taken: %.*s", (int)size, text);
    if (!g_error_matches(error, STILE_ERROR, (int)code))
        g_error("code %d instead of %d, “%s”: %.*s", error->code, code, error->message, (int)size,
                text);
    g_assert_cmpuint(strlen(error->message), >, 20);
    g_assert_false(g_str_has_suffix(error->message, "."));
    dir = g_dir_open(networks, 0, NULL);
    g_assert_null(g_dir_read_name(dir));
    return g_strdup(error->message);
}

static void
assert_refused(Fixture *fixture, const char *text, StileError code, const char *sentence)
{
    g_autofree char *message = refuse(fixture, text, strlen(text), code);

    g_assert_cmpstr(message, ==, sentence);
}

#define ALIEN      "This is not a Stile invitation"
#define INCOMPLETE "The invitation is incomplete: a part of it is missing"
#define ALTERED    "The invitation was altered after it was made"
#define MIXED      "The parts of the invitation belong to different networks"
#define NEWER      "The invitation was made by a newer version of Stile than this one"

static void
assert_same(const StileInvitation *a, const StileInvitation *b)
{
    const StileTurnServer *first = a->servers->turn->pdata[0], *second = b->servers->turn->pdata[0];

    g_assert_cmpmem(a->network, STILE_KEY_SIZE, b->network, STILE_KEY_SIZE);
    g_assert_cmpstr(a->network_name, ==, b->network_name);
    g_assert_cmpmem(a->network_key, STILE_KEY_SIZE, b->network_key, STILE_KEY_SIZE);
    g_assert_true(g_bytes_equal(a->voucher, b->voucher));
    g_assert_cmpmem(a->voucher_key, STILE_KEY_SIZE, b->voucher_key, STILE_KEY_SIZE);
    g_assert_cmpmem(a->signature, STILE_SIGNATURE_SIZE, b->signature, STILE_SIGNATURE_SIZE);
    g_assert_cmpstrv(a->servers->rendezvous, b->servers->rendezvous);
    g_assert_cmpstrv(a->servers->stun, b->servers->stun);
    g_assert_cmpuint(a->servers->turn->len, ==, b->servers->turn->len);
    g_assert_cmpstr(first->uri, ==, second->uri);
    g_assert_cmpstr(first->username, ==, second->username);
    g_assert_cmpstr(first->password, ==, second->password);
}

static void
assert_accepted(Fixture *fixture, const char *text)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(StileInvitation) invitation = stile_invitation_parse(text, strlen(text), NOW, &error);

    g_assert_no_error(error);
    assert_same(invitation, fixture->invitation);
}

static void
test_forms(Fixture *fixture, gconstpointer unused)
{
    g_autofree char *spaced_json = g_strconcat("\xef\xbb\xbf\r\n ", fixture->json, "\n\n", NULL);
    g_autofree char *loud_uri = g_strconcat("  STILE:", fixture->uri + 6, "\n", NULL);
    g_autoptr(GString) wrapped = g_string_new(NULL);

    for (gsize i = 0; fixture->uri[i]; i++) {
        if (i > 0 && i % 60 == 0)
            g_string_append(wrapped, "\r\n");
        g_string_append_c(wrapped, fixture->uri[i]);
    }
    assert_accepted(fixture, fixture->json);
    assert_accepted(fixture, fixture->uri);
    assert_accepted(fixture, spaced_json);
    assert_accepted(fixture, loud_uri);
    assert_accepted(fixture, wrapped->str);
    /* A QR code of 40×40 modules and bytes of 8 bits holds 2953. */
    g_assert_cmpuint(strlen(fixture->uri), <, 1500);
}

static void
test_alien(Fixture *fixture, gconstpointer unused)
{
    static const char *const texts[] = {
        "",
        " \n",
        "hello",
        "{}",
        "{\"a\": 1}",
        "[1]",
        "stil",
        "{\"stile\": \"1\"}",
        "{\"stile\": 0}",
        "{\"stile\": 1.5}",
        "{'a': 1}",
        "\xff\xfe",
        "stile:QUFBQUFBQUE",
    };
    g_autofree char *large = g_strnfill(STILE_INVITATION_TEXT_MAX + 1, 'a');
    g_autoptr(GString) nested = g_string_new("{\"x\":");

    for (gsize i = 0; i < G_N_ELEMENTS(texts); i++)
        assert_refused(fixture, texts[i], STILE_ERROR_INVALID_ARGUMENT, ALIEN);
    large[0] = '{';
    assert_refused(fixture, large, STILE_ERROR_INVALID_ARGUMENT, ALIEN);
    for (guint i = 0; i < 30000; i++)
        g_string_append_c(nested, '[');
    for (guint i = 0; i < 30000; i++)
        g_string_append_c(nested, ']');
    g_string_append_c(nested, '}');
    assert_refused(fixture, nested->str, STILE_ERROR_INVALID_ARGUMENT, ALIEN);
}

static void
test_truncated(Fixture *fixture, gconstpointer unused)
{
    gsize scheme = strlen("stile:"), end = strlen(g_strchomp(fixture->json));

    for (gsize cut = 0; cut < strlen(fixture->uri); cut++) {
        g_autofree char *text = g_strndup(fixture->uri, cut);

        assert_refused(fixture, text, STILE_ERROR_INVALID_ARGUMENT,
                       cut < scheme ? ALIEN : INCOMPLETE);
    }
    for (gsize cut = 0; cut < end; cut++) {
        g_autofree char *message = refuse(fixture, fixture->json, cut,
                                          STILE_ERROR_INVALID_ARGUMENT);

        g_assert_cmpstr(message, ==, cut == 0 ? ALIEN : INCOMPLETE);
    }
}

/* Every character of the URI, each replaced by another one of its alphabet */
static void
test_altered_uri(Fixture *fixture, gconstpointer unused)
{
    g_autofree char *copy = g_strdup(fixture->uri);
    g_autofree char *longer = g_strconcat(fixture->uri, "AAAA", NULL);
    g_autofree char *strange = g_strconcat(fixture->uri, "=", NULL);

    for (gsize i = strlen("stile:"); copy[i]; i++) {
        g_autoptr(GError) error = NULL;
        char was = copy[i];

        copy[i] = was == 'x' ? 'y' : 'x';
        g_assert_false(redeem(fixture, copy, strlen(copy), &error));
        /* The first six are kind, version and size: with those altered it is something else. */
        if (i >= strlen("stile:") + 6)
            g_assert_error(error, STILE_ERROR, STILE_ERROR_NOT_AUTHORIZED);
        copy[i] = was;
    }
    assert_refused(fixture, longer, STILE_ERROR_NOT_AUTHORIZED, ALTERED);
    assert_refused(fixture, strange, STILE_ERROR_NOT_AUTHORIZED, ALTERED);
}

static JsonObject *
to_object(const char *json)
{
    return stile_json_parse(json, strlen(json), STILE_INVITATION_TEXT_MAX, NULL);
}

static void
test_altered_json(Fixture *fixture, gconstpointer unused)
{
    static const struct {
        const char *member, *text;
    } strings[] = {
        {"name", "Home"},
        {"name", ""},
        {"member", "laptop2"},
        {"expires", "2037-01-16T08:00:00Z"},
        {"voucher", ""},
        {"voucher", "AAAA"},
        {"signature", "AAAA"},
        {"key", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="},
        {"voucher-key", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="},
        {"key", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh9="},
        {"key", "not base64"},
        {"rendezvous", "mqtts://broker.example.org"},
    };
    static const char *const arrays[] = {
        "{\"rendezvous\": []}",
        "{\"rendezvous\": [\"mqtts://broker.example.org\", \"mqtt://evil.example.org\"]}",
        "{\"rendezvous\": [\"mqtt://10.0.0.1:1883\", \"mqtts://broker.example.org\"]}",
        "{\"rendezvous\": [1]}",
        "{\"rendezvous\": [\"a\",\"a\",\"a\",\"a\",\"a\",\"a\",\"a\",\"a\",\"a\"]}",
        "{\"stun\": [\"stun.example.net:3478\"]}",
        "{\"stun\": [null]}",
        "{\"stun\": null}",
        "{\"turn\": []}",
        "{\"turn\": [[]]}",
        "{\"turn\": [{\"uri\": \"turn:a\", \"username\": \"b\"}]}",
        "{\"turn\": [{\"uri\": \"turn:a\", \"username\": \"b\", \"password\": \"c\"}]}",
    };

    for (gsize i = 0; i < G_N_ELEMENTS(strings); i++) {
        g_autoptr(JsonObject) object = to_object(fixture->json);
        g_autofree char *text = NULL;

        json_object_set_string_member(object, strings[i].member, strings[i].text);
        text = stile_json_to_text(object);
        assert_refused(fixture, text, STILE_ERROR_NOT_AUTHORIZED, ALTERED);
    }
    for (gsize i = 0; i < G_N_ELEMENTS(arrays); i++) {
        g_autoptr(JsonObject) object = to_object(fixture->json);
        g_autoptr(JsonObject) other = to_object(arrays[i]);
        g_autoptr(GList) names = json_object_get_members(other);
        g_autofree char *text = NULL;

        json_object_set_member(object, names->data,
                               json_node_copy(json_object_get_member(other, names->data)));
        text = stile_json_to_text(object);
        assert_refused(fixture, text, STILE_ERROR_NOT_AUTHORIZED, ALTERED);
    }
}

/* Every byte of the text: it is refused, or it means the same (white space). */
static void
test_altered_text(Fixture *fixture, gconstpointer unused)
{
    g_autofree char *copy = g_strdup(fixture->json);

    for (gsize i = 0; copy[i]; i++) {
        g_autoptr(StileInvitation) invitation = NULL;
        g_autoptr(GError) error = NULL;
        char was = copy[i];

        copy[i] = was == 'x' ? 'y' : 'x';
        invitation = stile_invitation_parse(copy, strlen(copy), NOW, &error);
        g_assert_null(invitation);
        g_assert_true(g_error_matches(error, STILE_ERROR, STILE_ERROR_INVALID_ARGUMENT) ||
                      g_error_matches(error, STILE_ERROR, STILE_ERROR_NOT_AUTHORIZED));
        copy[i] = was;
    }
}

static void
test_missing_member(Fixture *fixture, gconstpointer unused)
{
    g_autoptr(JsonObject) whole = to_object(fixture->json);
    g_autoptr(GList) names = json_object_get_members(whole);

    g_assert_cmpuint(g_list_length(names), ==, 12);
    for (GList *name = names; name; name = name->next) {
        g_autoptr(JsonObject) object = to_object(fixture->json);
        g_autofree char *text = NULL;

        json_object_remove_member(object, name->data);
        text = stile_json_to_text(object);
        assert_refused(fixture, text, STILE_ERROR_INVALID_ARGUMENT,
                       g_str_equal(name->data, "stile") ? ALIEN : INCOMPLETE);
    }
}

static void
test_room_to_grow(Fixture *fixture, gconstpointer unused)
{
    g_autoptr(JsonObject) object = to_object(fixture->json);
    g_autofree char *more = NULL;
    g_autofree char *newer = NULL;
    g_autofree char *newer_uri = g_strdup(fixture->uri);

    json_object_set_string_member(object, "colour", "green");
    json_object_set_array_member(object, "later", json_array_new());
    more = stile_json_to_text(object);
    assert_accepted(fixture, more);
    json_object_set_int_member(object, "stile", 2);
    newer = stile_json_to_text(object);
    assert_refused(fixture, newer, STILE_ERROR_INVALID_ARGUMENT, NEWER);

    /* The second byte is the version: bits 2 to 9 behind the first character. */
    g_assert_cmpmem(newer_uri, 9, "stile:SQE", 9);
    memcpy(newer_uri, "stile:SQI", 9);
    assert_refused(fixture, newer_uri, STILE_ERROR_INVALID_ARGUMENT, NEWER);
}

static void
test_dates(Fixture *fixture, gconstpointer unused)
{
    g_autoptr(GDateTime) end = g_date_time_new_from_unix_local((NOW + DAY) / G_USEC_PER_SEC);
    g_autofree char *words = g_date_time_format(end, "The invitation expired on %Y-%m-%d %H:%M");
    g_autofree char *early = NULL;
    const char *const texts[] = {fixture->json, fixture->uri};

    for (gsize i = 0; i < G_N_ELEMENTS(texts); i++) {
        g_autoptr(StileInvitation) last = NULL;
        g_autoptr(StileInvitation) first = NULL;

        last = stile_invitation_parse(texts[i], strlen(texts[i]), NOW + DAY, NULL);
        g_assert_nonnull(last);
        /* A clock that is a little slow does not matter. */
        first = stile_invitation_parse(texts[i], strlen(texts[i]), NOW - HOUR, NULL);
        g_assert_nonnull(first);
        stile_clock_set_real(fixture->clock, NOW + DAY + 1);
        assert_refused(fixture, texts[i], STILE_ERROR_EXPIRED, words);
        stile_clock_set_real(fixture->clock, NOW - HOUR - 1);
        g_clear_pointer(&early, g_free);
        early = refuse(fixture, texts[i], strlen(texts[i]), STILE_ERROR_EXPIRED);
        g_assert_nonnull(strstr(early, "but the clock of this computer says"));
        stile_clock_set_real(fixture->clock, NOW);
    }
}

/* Altered and expired: that it was altered is what counts, for its date may be, too. */
static void
test_expired_and_altered(Fixture *fixture, gconstpointer unused)
{
    g_autoptr(JsonObject) object = to_object(fixture->json);
    g_autofree char *text = NULL;

    stile_clock_set_real(fixture->clock, NOW + 2 * DAY);
    json_object_set_string_member(object, "expires", "2037-01-16T08:00:00Z");
    text = stile_json_to_text(object);
    assert_refused(fixture, text, STILE_ERROR_NOT_AUTHORIZED, ALTERED);
}

static void
test_another_network(Fixture *fixture, gconstpointer unused)
{
    static const char *const parts[] = {"network", "voucher"};
    g_autoptr(StileNetworkState) other = make_network(fixture->clock, "home");
    g_autoptr(StileInvitation)
        invitation = stile_identity_invite(fixture->clock, other, "laptop", DAY, NULL);
    g_autofree char *other_json = stile_invitation_to_json(invitation);
    g_autoptr(JsonObject) theirs = to_object(other_json);

    for (gsize i = 0; i < G_N_ELEMENTS(parts); i++) {
        g_autoptr(JsonObject) object = to_object(fixture->json);
        g_autofree char *text = NULL;

        json_object_set_string_member(object, parts[i], stile_json_string(theirs, parts[i]));
        text = stile_json_to_text(object);
        assert_refused(fixture, text, STILE_ERROR_NOT_AUTHORIZED, MIXED);
    }
    /* Both, but signed by the first network */
    {
        g_autoptr(JsonObject) object = to_object(fixture->json);
        g_autofree char *text = NULL;

        for (gsize i = 0; i < G_N_ELEMENTS(parts); i++)
            json_object_set_string_member(object, parts[i], stile_json_string(theirs, parts[i]));
        text = stile_json_to_text(object);
        assert_refused(fixture, text, STILE_ERROR_NOT_AUTHORIZED, ALTERED);
    }
}

/* A creator that signs rubbish is refused like anybody. */
static void
test_wrong_voucher_key(Fixture *fixture, gconstpointer unused)
{
    g_autofree char *text = NULL;

    stile_ed25519_generate(fixture->invitation->voucher_key);
    stile_invitation_sign(fixture->invitation, fixture->creator->network_private);
    text = stile_invitation_to_uri(fixture->invitation);
    assert_refused(fixture, text, STILE_ERROR_NOT_AUTHORIZED, ALTERED);
}

static void
test_servers_check(void)
{
    g_autofree char *longest = g_strnfill(STILE_SERVER_STRING_SIZE, 'a');
    g_autofree char *longer = g_strnfill(STILE_SERVER_STRING_SIZE + 1, 'a');
    const char *const bad[] = {"", "a b", "a\n", "a\x7f", "\xff", longer};
    g_autoptr(StileServers) servers = make_servers();
    g_autoptr(StileServers) copy = stile_servers_copy(servers);

    g_assert_true(stile_servers_check(servers, NULL));
    g_assert_true(stile_servers_check(copy, NULL));
    g_ptr_array_add(copy->turn, stile_turn_server_new(longest, longest, longest));
    g_assert_true(stile_servers_check(copy, NULL));
    g_ptr_array_add(copy->turn, stile_turn_server_new("turn:a", NULL, NULL));
    g_assert_false(stile_servers_check(copy, NULL));
    for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(StileServers) wrong = stile_servers_copy(servers);
        g_autoptr(GError) error = NULL;

        g_free(wrong->stun[0]);
        wrong->stun[0] = g_strdup(bad[i]);
        g_assert_false(stile_servers_check(wrong, &error));
        g_assert_error(error, STILE_ERROR, STILE_ERROR_INVALID_ARGUMENT);
    }
}

/* The largest invitation there can be fits into both forms. */
static void
test_largest(Fixture *fixture, gconstpointer unused)
{
    g_autofree char *longest = g_strnfill(STILE_SERVER_STRING_SIZE, '"');
    g_autoptr(GStrvBuilder) builder = g_strv_builder_new();
    g_autoptr(StileInvitation) invitation = NULL;
    StileServers *servers = fixture->creator->servers;
    g_autoptr(GError) error = NULL;
    g_autofree char *json = NULL;
    g_autofree char *uri = NULL;

    g_ptr_array_set_size(servers->turn, 0);
    for (guint i = 0; i < STILE_SERVERS_MAX; i++) {
        g_strv_builder_add(builder, longest);
        g_ptr_array_add(servers->turn, stile_turn_server_new(longest, longest, longest));
    }
    g_strfreev(servers->rendezvous);
    g_strfreev(servers->stun);
    servers->rendezvous = g_strv_builder_end(builder);
    servers->stun = g_strdupv(servers->rendezvous);
    invitation = stile_identity_invite(fixture->clock, fixture->creator, "phone", DAY, &error);
    g_assert_no_error(error);
    json = stile_invitation_to_json(invitation);
    uri = stile_invitation_to_uri(invitation);
    g_assert_cmpuint(strlen(json), <, STILE_INVITATION_TEXT_MAX);
    g_assert_cmpuint(strlen(uri), <, STILE_INVITATION_TEXT_MAX);
    stile_invitation_free(fixture->invitation);
    fixture->invitation = g_steal_pointer(&invitation);
    assert_accepted(fixture, json);
    assert_accepted(fixture, uri);
}

static void
test_json_check(void)
{
    static const struct {
        const char *text;
        StileJsonCheck check;
    } cases[] = {
        {"{}", STILE_JSON_OK},
        {" {\"a\": [1, -2.5e+3, true, null, \"]}{[\\\"\\\\\"]}\n", STILE_JSON_OK},
        {"", STILE_JSON_INCOMPLETE},
        {"{", STILE_JSON_INCOMPLETE},
        {"{\"a", STILE_JSON_INCOMPLETE},
        {"{\"a\\\"}", STILE_JSON_INCOMPLETE},
        {"[[]", STILE_JSON_INCOMPLETE},
        {"[[[[]]]]", STILE_JSON_TOO_DEEP},
        {"[{[{", STILE_JSON_TOO_DEEP},
        {"}", STILE_JSON_INVALID},
        {"{} {}", STILE_JSON_INVALID},
        {"{'\"': 1}", STILE_JSON_INVALID},
        {"{/*\"*/}", STILE_JSON_INVALID},
        {"{//\"\n}", STILE_JSON_INVALID},
        {"{\"a\nb\": 1}", STILE_JSON_INVALID},
        {"var x = {}", STILE_JSON_INVALID},
    };

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++)
        g_assert_cmpint(stile_json_check(cases[i].text, strlen(cases[i].text), 3), ==,
                        cases[i].check);
    g_assert_cmpint(stile_json_check("{\0}", 3, 3), ==, STILE_JSON_INVALID);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name, func) g_test_add(name, Fixture, NULL, set_up, func, tear_down)
    ADD("/invitation/forms", test_forms);
    ADD("/invitation/alien", test_alien);
    ADD("/invitation/truncated", test_truncated);
    ADD("/invitation/altered-uri", test_altered_uri);
    ADD("/invitation/altered-json", test_altered_json);
    ADD("/invitation/altered-text", test_altered_text);
    ADD("/invitation/missing-member", test_missing_member);
    ADD("/invitation/room-to-grow", test_room_to_grow);
    ADD("/invitation/dates", test_dates);
    ADD("/invitation/expired-and-altered", test_expired_and_altered);
    ADD("/invitation/another-network", test_another_network);
    ADD("/invitation/wrong-voucher-key", test_wrong_voucher_key);
    ADD("/invitation/largest", test_largest);
    g_test_add_func("/invitation/servers-check", test_servers_check);
    g_test_add_func("/invitation/json-check", test_json_check);
    return g_test_run();
}
