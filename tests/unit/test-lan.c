/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A name on the local network is known to members, on its day, and to nobody else; frames open for
 * who has the key, once and in order; presences are bound to their connection. What is no neighbour
 * is told from what is. */
#include "base/error.h"
#include "io/links.h"
#include "rendezvous/lan-frame.h"
#include <string.h>

#define DAY ((gint64)24 * 3600 * G_USEC_PER_SEC)

static const guint8 network_key[STILE_KEY_SIZE] = {1};
static const guint8 other_key[STILE_KEY_SIZE] = {2};

static void
test_name(void)
{
    static const guint8 random[STILE_LAN_NAME_RANDOM] = {0xab, 1, 2, 3, 4, 5, 6, 0xcd};
    static const guint8 another[STILE_LAN_NAME_RANDOM] = {0xab};
    const gint64 now = 20000 * DAY + DAY / 2;
    char name[STILE_LAN_NAME_SIZE], later[STILE_LAN_NAME_SIZE], changed[STILE_LAN_NAME_SIZE];
    StileLanKeys keys, other;

    stile_lan_keys_init(&keys, network_key);
    stile_lan_keys_init(&other, other_key);
    stile_lan_name_make(&keys, random, now, name);
    g_assert_cmpuint(strlen(name), ==, STILE_LAN_NAME_SIZE - 1);
    g_assert_true(g_str_has_prefix(name, "ab010203040506cd"));
    g_assert_true(stile_lan_name_is_ours(&keys, name, now));
    g_assert_false(stile_lan_name_is_ours(&other, name, now));

    /* A clock may be wrong by a day; a recording is of no use for longer. */
    g_assert_true(stile_lan_name_is_ours(&keys, name, now + DAY));
    g_assert_true(stile_lan_name_is_ours(&keys, name, now - DAY));
    g_assert_false(stile_lan_name_is_ours(&keys, name, now + 2 * DAY));
    g_assert_false(stile_lan_name_is_ours(&keys, name, now - 2 * DAY));
    stile_lan_name_make(&keys, random, now + DAY, later);
    g_assert_cmpstr(name, !=, later);
    stile_lan_name_make(&keys, another, now, later);
    g_assert_cmpstr(name + 2 * STILE_LAN_NAME_RANDOM, !=, later + 2 * STILE_LAN_NAME_RANDOM);

    for (gsize i = 0; i < sizeof name - 1; i++) {
        memcpy(changed, name, sizeof name);
        changed[i] = changed[i] == '7' ? '8' : '7';
        g_assert_false(stile_lan_name_is_ours(&keys, changed, now));
        changed[i] = '\0';
        g_assert_false(stile_lan_name_is_ours(&keys, changed, now));
    }
    g_assert_false(stile_lan_name_is_ours(&keys, "", now));
    g_assert_false(stile_lan_name_is_ours(&keys, "Anna's laptop", now));
}

static void
test_address(void)
{
    static const struct {
        const char *text;
        guint16 port;
        const char *address; /* NULL: refused */
    } cases[] = {
        {"192.168.1.7", 4000, "192.168.1.7:4000"},
        {"169.254.3.4", 4000, "169.254.3.4:4000"},
        {"2001:db8::7", 4000, "[2001:db8::7]:4000"},
        {"192.168.1.7", 0, NULL},
        {"0.0.0.0", 4000, NULL},
        {"127.0.0.1", 4000, NULL},
        {"::1", 4000, NULL},
        {"::", 4000, NULL},
        {"224.0.0.251", 5353, NULL},
        {"ff02::fb", 5353, NULL},
        {"255.255.255.255", 4000, NULL},
        {"::ffff:127.0.0.1", 4000, NULL},
        {"192.168.1.7:80", 4000, NULL},
        {"fe80::1%1", 4000, NULL},
        {"host.local", 4000, NULL},
        {"", 4000, NULL},
    };
    StileAddress address;

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        gboolean good = stile_lan_address_parse(&address, cases[i].text, cases[i].port, 3);
        g_autofree char *text = good ? stile_address_to_string(&address) : NULL;

        g_assert_cmpstr(text, ==, cases[i].address);
    }
    g_assert_true(stile_lan_address_parse(&address, "fe80::1", 4000, 3));
    g_assert_cmpuint(address.in6.sin6_scope_id, ==, 3);
}

typedef struct {
    StileLanSession *dialler, *listener;
    GByteArray *wire;
    StileLanFrame frame;
    gsize used;
} Pair;

static void
pair_init(Pair *pair, const guint8 key_of_listener[STILE_KEY_SIZE], guint8 seed)
{
    const guint8 a[STILE_LAN_RANDOM_SIZE] = {seed}, b[STILE_LAN_RANDOM_SIZE] = {seed, 1};
    StileLanKeys keys, keys_of_listener;

    stile_lan_keys_init(&keys, network_key);
    stile_lan_keys_init(&keys_of_listener, key_of_listener);
    pair->dialler = stile_lan_session_new(&keys, TRUE, a, b);
    pair->listener = stile_lan_session_new(&keys_of_listener, FALSE, b, a);
    pair->wire = g_byte_array_new();
}

static void
pair_clear(Pair *pair)
{
    stile_lan_session_free(pair->dialler);
    stile_lan_session_free(pair->listener);
    g_byte_array_unref(pair->wire);
}

static void
assert_refused(StileLanSession *session, const guint8 *data, gsize size)
{
    g_autofree StileLanFrame *frame = g_new(StileLanFrame, 1);
    g_autoptr(GError) error = NULL;
    gsize used;

    g_assert_false(stile_lan_session_open(session, data, size, frame, &used, &error));
    g_assert_error(error, STILE_ERROR, STILE_ERROR_INVALID_ARGUMENT);
}

static void
test_frames(void)
{
    g_autofree Pair *pair = g_new0(Pair, 1);
    g_autofree guint8 *large = g_malloc0(STILE_LAN_BODY_MAX);
    gsize first;

    pair_init(pair, network_key, 1);
    stile_lan_session_seal(pair->dialler, STILE_LAN_MESSAGE, "hello", 5, pair->wire);
    first = pair->wire->len;
    stile_lan_session_seal(pair->dialler, STILE_LAN_PRESENCE, large, STILE_LAN_BODY_MAX,
                           pair->wire);
    g_assert_cmpuint(pair->wire->len, ==, first + STILE_LAN_FRAME_MAX);
    for (gsize size = 0; size < first; size++) {
        g_assert_true(stile_lan_session_open(pair->listener, pair->wire->data, size, &pair->frame,
                                             &pair->used, NULL));
        g_assert_cmpuint(pair->used, ==, 0);
    }
    g_assert_true(stile_lan_session_open(pair->listener, pair->wire->data, pair->wire->len,
                                         &pair->frame, &pair->used, NULL));
    g_assert_cmpuint(pair->used, ==, first);
    g_assert_cmpuint(pair->frame.kind, ==, STILE_LAN_MESSAGE);
    g_assert_cmpmem(pair->frame.body, pair->frame.size, "hello", 5);
    /* The same once more is not the next one. */
    assert_refused(pair->listener, pair->wire->data, first);
    g_assert_true(stile_lan_session_open(pair->listener, pair->wire->data + first,
                                         pair->wire->len - first, &pair->frame, &pair->used, NULL));
    g_assert_cmpuint(pair->frame.kind, ==, STILE_LAN_PRESENCE);
    g_assert_cmpmem(pair->frame.body, pair->frame.size, large, STILE_LAN_BODY_MAX);

    /* Nor is our own, sent back. */
    g_byte_array_set_size(pair->wire, 0);
    stile_lan_session_seal(pair->dialler, STILE_LAN_MESSAGE, "hello", 5, pair->wire);
    assert_refused(pair->dialler, pair->wire->data, pair->wire->len);
    pair_clear(pair);
}

static void
test_frames_altered(void)
{
    g_autofree Pair *pair = g_new0(Pair, 1), *later = g_new0(Pair, 1);
    static const guint8 sizes[][2] = {{0, 0}, {0, 16}, {0x7f, 0xff}, {0xff, 0xff}};

    /* Another network */
    pair_init(pair, other_key, 1);
    stile_lan_session_seal(pair->dialler, STILE_LAN_MESSAGE, "hello", 5, pair->wire);
    assert_refused(pair->listener, pair->wire->data, pair->wire->len);
    pair_clear(pair);
    /* Any bit of it */
    pair_init(pair, network_key, 1);
    stile_lan_session_seal(pair->dialler, STILE_LAN_MESSAGE, "hello", 5, pair->wire);
    for (guint i = 2; i < pair->wire->len; i++) {
        pair->wire->data[i] ^= 1;
        assert_refused(pair->listener, pair->wire->data, pair->wire->len);
        pair->wire->data[i] ^= 1;
    }
    /* An earlier session */
    pair_init(later, network_key, 2);
    assert_refused(later->listener, pair->wire->data, pair->wire->len);
    /* Sizes that cannot be, before anything else has come */
    for (gsize i = 0; i < G_N_ELEMENTS(sizes); i++)
        assert_refused(pair->listener, sizes[i], 2);
    pair_clear(pair);
    pair_clear(later);
}

static void
test_presence_is_bound(void)
{
    g_autofree Pair *pair = g_new0(Pair, 1), *later = g_new0(Pair, 1);
    StileEnvelopes base, mine, theirs, other;
    static const guint8 nonce[24] = {7};
    guint8 device_key[STILE_KEY_SIZE];
    StilePresenceStamp presence = {.life = 5, .sequence = 2}, found;
    g_autoptr(GByteArray) sealed = NULL, body = g_byte_array_new();
    g_auto(StileOpened) opened = {0};
    const guint8 *envelope;
    gsize size;
    StileTag tag, read;

    stile_envelopes_init(&base, network_key);
    pair_init(pair, network_key, 1);
    pair_init(later, network_key, 2);
    stile_lan_session_envelopes(pair->dialler, &base, &mine);
    stile_lan_session_envelopes(pair->listener, &base, &theirs);
    stile_lan_session_envelopes(later->listener, &base, &other);
    stile_ed25519_generate(device_key);
    stile_ed25519_public(device_key, presence.device);
    stile_topics_tag(&base.topics, presence.device, &tag);
    sealed = stile_envelope_seal_presence(&mine, &presence, device_key, nonce,
                                          (const guint8 *)"here", 4);
    g_byte_array_append(body, (const guint8 *)tag.text, STILE_TAG_SIZE - 1);
    g_byte_array_append(body, sealed->data, sealed->len);

    g_assert_true(stile_lan_read_presence(body->data, body->len, &read, &envelope, &size));
    g_assert_cmpstr(read.text, ==, tag.text);
    g_assert_true(
        stile_envelope_open_presence(&theirs, &read, envelope, size, &found, &opened, NULL));
    g_assert_cmpmem(found.device, STILE_KEY_SIZE, presence.device, STILE_KEY_SIZE);
    g_assert_cmpmem(opened.payload, opened.size, "here", 4);
    stile_opened_clear(&opened);
    /* Not in another session, and not on a broker. */
    g_assert_false(
        stile_envelope_open_presence(&other, &read, envelope, size, &found, &opened, NULL));
    g_assert_false(
        stile_envelope_open_presence(&base, &read, envelope, size, &found, &opened, NULL));

    for (guint i = 0; i < STILE_TAG_SIZE - 1; i++)
        g_assert_false(stile_lan_read_presence(body->data, i, &read, &envelope, &size));
    body->data[3] = '\0';
    g_assert_false(stile_lan_read_presence(body->data, body->len, &read, &envelope, &size));
    pair_clear(pair);
    pair_clear(later);
}

static void
add(GArray *addresses, const char *prefix, guint ifindex, const char *type)
{
    StileLocalAddress local = {.ifindex = ifindex, .link_type = type};
    StilePrefix parsed;

    g_assert_true(stile_prefix_parse(&parsed, prefix, NULL));
    local.address = parsed.address;
    local.prefix_length = parsed.length;
    g_array_append_val(addresses, local);
}

static guint
neighbour(const GArray *addresses, const char *text, guint scope)
{
    StileAddress address;

    g_assert_true(stile_address_parse(&address, text, 1, NULL));
    if (scope)
        address.in6.sin6_scope_id = scope;
    return stile_links_on_lan(addresses, &address);
}

static void
test_neighbours(void)
{
    g_autoptr(GArray) addresses = g_array_new(FALSE, TRUE, sizeof(StileLocalAddress));

    add(addresses, "127.0.0.1/8", 1, "loopback");
    add(addresses, "10.86.0.1/16", 9, "tun");
    add(addresses, "172.17.0.1/16", 4, "docker");
    add(addresses, "10.9.0.2/24", 5, "wireguard");
    add(addresses, "192.168.1.5/24", 2, "ether");
    add(addresses, "2001:db8::5/64", 2, "ether");
    add(addresses, "fe80::5/64", 2, "ether");
    add(addresses, "fe80::6/64", 3, "wlan");
    g_assert_cmpuint(neighbour(addresses, "192.168.1.77", 0), ==, 2);
    g_assert_cmpuint(neighbour(addresses, "2001:db8::77", 0), ==, 2);
    g_assert_cmpuint(neighbour(addresses, "fe80::77", 2), ==, 2);
    g_assert_cmpuint(neighbour(addresses, "fe80::77", 3), ==, 3);
    g_assert_cmpuint(neighbour(addresses, "fe80::77", 7), ==, 0);
    g_assert_cmpuint(neighbour(addresses, "192.168.2.77", 0), ==, 0);
    g_assert_cmpuint(neighbour(addresses, "198.51.100.1", 0), ==, 0);
    g_assert_cmpuint(neighbour(addresses, "127.0.0.2", 0), ==, 0);
    g_assert_cmpuint(neighbour(addresses, "10.86.0.2", 0), ==, 0);
    g_assert_cmpuint(neighbour(addresses, "172.17.0.2", 0), ==, 0);
    g_assert_cmpuint(neighbour(addresses, "10.9.0.3", 0), ==, 0);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/lan/name", test_name);
    g_test_add_func("/lan/address", test_address);
    g_test_add_func("/lan/frames", test_frames);
    g_test_add_func("/lan/frames-altered", test_frames_altered);
    g_test_add_func("/lan/presence-is-bound", test_presence_is_bound);
    g_test_add_func("/lan/neighbours", test_neighbours);
    return g_test_run();
}
