/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The state of a network comes back as it was saved; nobody else may read it; a file that cannot be
 * used is told, left alone and never lost; and a process killed at any moment of saving leaves a
 * whole file, the old or the new. */
#include "base/error.h"
#include "mesh/identity.h"
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct {
    char *directory, *networks;
    StileClock *clock;
    StileStore *store;
    StileNetworkState *state;
    char *path; /* of the state's file */
} Fixture;

static void
set_up(Fixture *fixture, gconstpointer unused)
{
    g_autoptr(StileServers) servers = stile_servers_new();
    g_autoptr(GError) error = NULL;
    g_autoptr(GString) name = g_string_new(NULL);
    StilePrefix subnet;

    fixture->directory = g_dir_make_tmp("stile-test-XXXXXX", &error);
    g_assert_no_error(error);
    g_assert_cmpint(chmod(fixture->directory, 0755), ==, 0);
    fixture->networks = g_build_filename(fixture->directory, "networks", NULL);
    fixture->store = stile_store_open(fixture->directory, &error);
    g_assert_no_error(error);
    fixture->clock = stile_clock_new(NULL);
    g_assert_true(stile_prefix_parse(&subnet, "10.86.0.0/16", NULL));
    g_ptr_array_add(servers->turn, stile_turn_server_new("turn:a", "b", "c"));
    fixture->state = stile_identity_create(fixture->clock, "home", "desktop", &subnet, servers,
                                           &error);
    g_assert_no_error(error);
    for (guint i = 0; i < 16; i++)
        g_string_append_printf(name, "%02x", fixture->state->id[i]);
    g_string_append(name, ".json");
    fixture->path = g_build_filename(fixture->networks, name->str, NULL);
}

static void
remove_all(const char *folder)
{
    g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
    const char *name;

    while (dir && (name = g_dir_read_name(dir))) {
        g_autofree char *path = g_build_filename(folder, name, NULL);

        g_remove(path);
    }
    g_rmdir(folder);
}

static void
tear_down(Fixture *fixture, gconstpointer unused)
{
    remove_all(fixture->networks);
    remove_all(fixture->directory);
    stile_store_free(fixture->store);
    stile_network_state_free(fixture->state);
    stile_clock_unref(fixture->clock);
    g_free(fixture->directory);
    g_free(fixture->networks);
    g_free(fixture->path);
}

static void
save(Fixture *fixture)
{
    g_autoptr(GError) error = NULL;

    g_assert_true(stile_store_save(fixture->store, fixture->state, &error));
    g_assert_no_error(error);
}

static guint
count_files(Fixture *fixture)
{
    g_autoptr(GDir) dir = g_dir_open(fixture->networks, 0, NULL);
    guint count = 0;

    while (g_dir_read_name(dir))
        count++;
    return count;
}

static void
test_round_trip(Fixture *fixture, gconstpointer unused)
{
    StileNetworkState *state = fixture->state;
    g_autoptr(StileInvitation) invitation = NULL;
    g_autoptr(StileNetworkState) member = NULL;
    g_autoptr(GPtrArray) states = NULL;
    g_autoptr(GPtrArray) warnings = NULL;
    g_autofree char *saved = NULL;
    g_autofree char *loaded = NULL;
    guint8 device[STILE_KEY_SIZE];

    invitation = stile_identity_invite(fixture->clock, state, "laptop", G_USEC_PER_SEC * 60, NULL);
    member = stile_identity_join(fixture->clock, invitation, NULL);
    stile_ed25519_public(member->device_private, device);
    g_hash_table_insert(state->members, stile_key_to_string(device),
                        g_bytes_ref(member->certificate));
    g_assert_true(stile_identity_revoke(state, device, NULL));
    g_hash_table_insert(state->options, g_strdup("mtu"), g_strdup("1300"));
    g_hash_table_insert(state->options, g_strdup("relay"), g_strdup("auto"));
    state->autoconnect = TRUE;
    state->was_up = TRUE;
    save(fixture);

    states = stile_store_load(fixture->store, &warnings);
    g_assert_cmpuint(warnings->len, ==, 0);
    g_assert_cmpuint(states->len, ==, 1);
    saved = stile_network_state_to_text(state);
    loaded = stile_network_state_to_text(states->pdata[0]);
    g_assert_cmpstr(saved, ==, loaded);
    {
        const StileNetworkState *back = states->pdata[0];
        const StileTurnServer *turn = back->servers->turn->pdata[0];

        g_assert_true(stile_network_state_is_creator(back));
        g_assert_cmpuint(back->vouchers->len, ==, 2);
        g_assert_cmpuint(g_hash_table_size(back->members), ==, 1);
        g_assert_true(g_bytes_equal(back->revocations, state->revocations));
        g_assert_cmpstr(g_hash_table_lookup(back->options, "mtu"), ==, "1300");
        g_assert_cmpstr(turn->password, ==, "c");
        g_assert_true(back->autoconnect && back->was_up);
    }
    g_assert_true(stile_store_save(fixture->store, member, NULL)); /* the same network: one file */
    g_assert_cmpuint(count_files(fixture), ==, 1);
    g_assert_true(stile_store_remove(fixture->store, member, NULL));
    g_assert_true(stile_store_remove(fixture->store, member, NULL));
    g_assert_cmpuint(count_files(fixture), ==, 0);
}

static void
test_sorted(Fixture *fixture, gconstpointer unused)
{
    static const char *const names[] = {"c", "a", "b"};
    g_autoptr(GPtrArray) states = NULL;

    for (gsize i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autoptr(StileNetworkState)
            state = stile_identity_create(fixture->clock, names[i], "desktop",
                                          &fixture->state->subnet4, fixture->state->servers, NULL);

        g_assert_true(stile_store_save(fixture->store, state, NULL));
    }
    states = stile_store_load(fixture->store, NULL);
    g_assert_cmpuint(states->len, ==, 3);
    for (guint i = 0; i < 3; i++) {
        const StileNetworkState *state = states->pdata[i];
        const char expected[] = {(char)('a' + i), '\0'};

        g_assert_cmpstr(state->name, ==, expected);
    }
}

static void
assert_mode(const char *path, guint mode)
{
    struct stat found;

    g_assert_cmpint(stat(path, &found), ==, 0);
    g_assert_cmpuint(found.st_mode & 07777, ==, mode);
}

static void
test_modes(Fixture *fixture, gconstpointer unused)
{
    mode_t before = umask(0);

    save(fixture);
    umask(before);
    assert_mode(fixture->directory, 0700); /* set_up() made it 0755 */
    assert_mode(fixture->networks, 0700);
    assert_mode(fixture->path, 0600);
    /* A file that somebody opened up is closed by the next save. */
    g_assert_cmpint(chmod(fixture->path, 0644), ==, 0);
    save(fixture);
    assert_mode(fixture->path, 0600);
}

static void
test_no_directory(Fixture *fixture, gconstpointer unused)
{
    g_autofree char *file = g_build_filename(fixture->directory, "file", NULL);
    g_autofree char *below = g_build_filename(file, "state", NULL);
    const char *const bad[] = {file, below};

    g_assert_true(g_file_set_contents(file, "", 0, NULL));
    for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(GError) error = NULL;

        g_assert_null(stile_store_open(bad[i], &error));
        g_assert_error(error, STILE_ERROR, STILE_ERROR_FAILED);
        g_assert_nonnull(strstr(error->message, file));
    }
}

static void
assert_one_warning(Fixture *fixture)
{
    g_autoptr(GPtrArray) warnings = NULL;
    g_autoptr(GPtrArray) states = stile_store_load(fixture->store, &warnings);

    g_assert_cmpuint(states->len, ==, 0);
    g_assert_cmpuint(warnings->len, ==, 1);
    g_assert_nonnull(strstr(warnings->pdata[0], fixture->path));
    g_assert_nonnull(strstr(warnings->pdata[0], "left as it is"));
}

/* Each way to be damaged: told, left alone by loading, kept by saving. */
static void
test_damaged(Fixture *fixture, gconstpointer unused)
{
    g_autofree char *whole = stile_network_state_to_text(fixture->state);
    g_autofree char *other_network = NULL;
    g_autofree char *newer = g_strdup(whole);
    g_autofree char *half = g_strndup(whole, strlen(whole) / 2);
    g_autofree char *other_keys = NULL;
    g_autoptr(StileNetworkState) other = stile_identity_create(
        fixture->clock, "home", "desktop", &fixture->state->subnet4, fixture->state->servers, NULL);
    guint8 own[STILE_KEY_SIZE];

    other_network = stile_network_state_to_text(other);
    memcpy(own, fixture->state->device_private, sizeof own);
    memcpy(fixture->state->device_private, other->device_private, sizeof own);
    other_keys = stile_network_state_to_text(fixture->state);
    memcpy(fixture->state->device_private, own, sizeof own);
    *strstr(newer, "1,") = '2'; /* "stile-state" is the first member */
    {
        const char *const texts[] = {"", "{}", "rubbish", half, newer, other_network, other_keys};

        for (gsize i = 0; i < G_N_ELEMENTS(texts); i++) {
            g_autofree char *left = NULL;
            g_autofree char *kept = NULL;
            g_autofree char *kept_path = g_strdup_printf("%s.damaged-%u", fixture->path,
                                                         (guint)i + 1);
            g_autoptr(GPtrArray) states = NULL;

            g_assert_true(g_file_set_contents(fixture->path, texts[i], -1, NULL));
            assert_one_warning(fixture);
            g_assert_true(g_file_get_contents(fixture->path, &left, NULL, NULL));
            g_assert_cmpstr(left, ==, texts[i]);
            save(fixture);
            g_assert_true(g_file_get_contents(kept_path, &kept, NULL, NULL));
            g_assert_cmpstr(kept, ==, texts[i]);
            states = stile_store_load(fixture->store, NULL);
            g_assert_cmpuint(states->len, ==, 1);
        }
        g_assert_cmpuint(count_files(fixture), ==, G_N_ELEMENTS(texts) + 1);
    }
}

static void
test_cannot_replace(Fixture *fixture, gconstpointer unused)
{
    g_autoptr(GError) error = NULL;

    g_assert_cmpint(g_mkdir(fixture->path, 0700), ==, 0);
    assert_one_warning(fixture);
    g_assert_false(stile_store_save(fixture->store, fixture->state, &error));
    g_assert_nonnull(error);
    g_assert_true(error->domain == STILE_ERROR);
    g_assert_true(g_file_test(fixture->path, G_FILE_TEST_IS_DIR));
}

/* What could not be loaded again is not written. */
static void
test_unloadable(Fixture *fixture, gconstpointer unused)
{
    g_autofree char *before = NULL;
    g_autofree char *after = NULL;
    g_autoptr(GError) name = NULL;
    g_autoptr(GError) option = NULL;
    g_autoptr(GError) key = NULL;

    save(fixture);
    g_assert_true(g_file_get_contents(fixture->path, &before, NULL, NULL));
    g_free(fixture->state->name);
    fixture->state->name = g_strdup("two words");
    g_assert_false(stile_store_save(fixture->store, fixture->state, &name));
    g_assert_error(name, STILE_ERROR, STILE_ERROR_INVALID_ARGUMENT);
    g_free(fixture->state->name);
    fixture->state->name = g_strdup("home");
    g_hash_table_insert(fixture->state->options, g_strdup("relay"), g_strdup("\xff"));
    g_assert_false(stile_store_save(fixture->store, fixture->state, &option));
    g_assert_error(option, STILE_ERROR, STILE_ERROR_INVALID_ARGUMENT);
    g_hash_table_remove_all(fixture->state->options);
    stile_x25519_generate(fixture->state->tunnel_private);
    g_assert_false(stile_store_save(fixture->store, fixture->state, &key));
    g_assert_error(key, STILE_ERROR, STILE_ERROR_INVALID_ARGUMENT);
    g_assert_true(g_file_get_contents(fixture->path, &after, NULL, NULL));
    g_assert_cmpstr(before, ==, after);
    g_assert_cmpuint(count_files(fixture), ==, 1);
}

/* Every single member is missed when it is gone, and noticed when it is of another type. */
static void
test_members(Fixture *fixture, gconstpointer unused)
{
    g_autofree char *text = stile_network_state_to_text(fixture->state);
    g_autoptr(JsonObject) whole = stile_json_parse(text, strlen(text), G_MAXINT, NULL);
    g_autoptr(GList) names = json_object_get_members(whole);

    for (GList *name = names; name; name = name->next) {
        g_autoptr(JsonObject) object = stile_json_parse(text, strlen(text), G_MAXINT, NULL);
        g_autoptr(StileNetworkState) typed = NULL;
        g_autoptr(StileNetworkState) without = NULL;
        g_autofree char *odd = NULL;
        g_autofree char *less = NULL;

        json_object_set_double_member(object, name->data, 0.5);
        odd = stile_json_to_text(object);
        typed = stile_network_state_parse(odd, strlen(odd), NULL);
        g_assert_null(typed);
        json_object_remove_member(object, name->data);
        less = stile_json_to_text(object);
        without = stile_network_state_parse(less, strlen(less), NULL);
        /* Members who did not create the network have no private key of it, some have no IPv6. */
        g_assert_true(!without == !(g_str_equal(name->data, "network-private") ||
                                    g_str_equal(name->data, "subnet6")));
    }
}

static void
test_leftovers(Fixture *fixture, gconstpointer unused)
{
    g_autofree char *leftover = g_strconcat(fixture->path, ".A1b2C3", NULL);
    g_autofree char *kept = g_strconcat(fixture->path, ".damaged-1", NULL);
    g_autofree char *alien = g_build_filename(fixture->networks, "notes.txt", NULL);
    g_autoptr(GPtrArray) warnings = NULL;
    g_autoptr(GPtrArray) states = NULL;

    save(fixture);
    g_assert_true(g_file_set_contents(leftover, "half", -1, NULL));
    g_assert_true(g_file_set_contents(kept, "kept", -1, NULL));
    g_assert_true(g_file_set_contents(alien, "mine", -1, NULL));
    stile_store_free(fixture->store);
    fixture->store = stile_store_open(fixture->directory, NULL);
    g_assert_false(g_file_test(leftover, G_FILE_TEST_EXISTS));
    g_assert_true(g_file_test(kept, G_FILE_TEST_EXISTS));
    g_assert_true(g_file_test(alien, G_FILE_TEST_EXISTS));
    states = stile_store_load(fixture->store, &warnings);
    g_assert_cmpuint(states->len, ==, 1);
    g_assert_cmpuint(warnings->len, ==, 0);
}

/* Saves short and long states in turn, for ever; tells when the first is there. */
static G_GNUC_NORETURN void
save_in_a_loop(Fixture *fixture, int told)
{
    for (guint i = 0;; i++) {
        if (i % 2 == 0)
            g_hash_table_insert(fixture->state->options, g_strdup("relay"), g_strnfill(50000, 'x'));
        else
            g_hash_table_remove(fixture->state->options, "relay");
        if (!stile_store_save(fixture->store, fixture->state, NULL))
            _exit(1);
        if (i == 1 && write(told, "", 1) != 1)
            _exit(1);
    }
}

static void
test_killed(Fixture *fixture, gconstpointer unused)
{
    save(fixture);
    for (guint round = 0; round < 25; round++) {
        g_autoptr(GPtrArray) warnings = NULL;
        g_autoptr(GPtrArray) states = NULL;
        int pipe_ends[2], status;
        char byte;
        pid_t child;

        g_assert_cmpint(pipe(pipe_ends), ==, 0);
        child = fork();
        g_assert_cmpint(child, >=, 0);
        if (child == 0)
            save_in_a_loop(fixture, pipe_ends[1]);
        g_assert_cmpint(close(pipe_ends[1]), ==, 0);
        g_assert_cmpint(read(pipe_ends[0], &byte, 1), ==, 1);
        g_usleep((gulong)g_test_rand_int_range(0, 5000));
        g_assert_cmpint(kill(child, SIGKILL), ==, 0);
        g_assert_cmpint(waitpid(child, &status, 0), ==, child);
        g_assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
        g_assert_cmpint(close(pipe_ends[0]), ==, 0);

        stile_store_free(fixture->store);
        fixture->store = stile_store_open(fixture->directory, NULL);
        states = stile_store_load(fixture->store, &warnings);
        g_assert_cmpuint(warnings->len, ==, 0);
        g_assert_cmpuint(states->len, ==, 1);
        g_assert_cmpuint(count_files(fixture), ==, 1);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name, func) g_test_add(name, Fixture, NULL, set_up, func, tear_down)
    ADD("/store/round-trip", test_round_trip);
    ADD("/store/sorted", test_sorted);
    ADD("/store/modes", test_modes);
    ADD("/store/no-directory", test_no_directory);
    ADD("/store/damaged", test_damaged);
    ADD("/store/cannot-replace", test_cannot_replace);
    ADD("/store/unloadable", test_unloadable);
    ADD("/store/members", test_members);
    ADD("/store/leftovers", test_leftovers);
    ADD("/store/killed", test_killed);
    return g_test_run();
}
