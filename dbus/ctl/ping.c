/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* stilectl ping, probe */
#include "commands.h"
#include "dbus/names.h"
#include "output.h"
#include "snapshot.h"
#include <glib/gi18n.h>
#include <poll.h>
#include <signal.h>

#define INTERVAL_MS 1000

static struct {
    char *network;
    int count, timeout_ms;
} options = {.timeout_ms = 2000};

static const GOptionEntry ping_entries[] = {
    {"count", 'c', 0, G_OPTION_ARG_INT, &options.count,
     N_("End after N (otherwise: Ctrl-C; with --json: 4)"), N_("N")},
    {"timeout", 'W', 0, G_OPTION_ARG_INT, &options.timeout_ms,
     N_("Wait MS milliseconds for an answer (default: 2000)"), N_("MS")},
    {"network", 0, 0, G_OPTION_ARG_STRING, &options.network, N_("In which network"), N_("NETWORK")},
    G_OPTION_ENTRY_NULL};

static const GOptionEntry probe_entries[] = {
    {"network", 0, 0, G_OPTION_ARG_STRING, &options.network, N_("In which network"), N_("NETWORK")},
    G_OPTION_ENTRY_NULL};

typedef struct {
    int sent, answered;
    guint least, most;
    guint64 sum;
    JsonArray *answers;
} Score;

static volatile sig_atomic_t interrupted;

static void
on_interrupt(int number)
{
    interrupted = 1;
}

static char *
state_now(Ctl *ctl, const char *peer)
{
    g_autoptr(GVariant) answer = ctl_call(ctl, peer, "org.freedesktop.DBus.Properties", "Get",
                                          g_variant_new("(ss)", STILE_INTERFACE_PEER, "State"),
                                          CTL_TIMEOUT_MS, NULL);
    g_autoptr(GVariant) value = NULL;

    if (!answer)
        return g_strdup("");
    g_variant_get(answer, "(v)", &value);
    return g_variant_dup_string(value, NULL);
}

static void
count_answer(Ctl *ctl, Score *score, const char *peer, guint rtt)
{
    g_autofree char *state = state_now(ctl, peer);
    g_autofree char *text = ctl_format_rtt(rtt);

    score->least = score->answered == 0 ? rtt : MIN(score->least, rtt);
    score->most = MAX(score->most, rtt);
    score->sum += rtt;
    score->answered++;
    json_array_add_int_element(score->answers, rtt);
    if (!ctl->json)
        g_print("%d: %s, %s\n", score->sent, text, ctl_translate_state(state));
}

static gboolean
is_unreachable(const GError *error)
{
    g_autofree char *name = ctl_error_name(error);

    return g_str_equal(name, "Unreachable") || ctl_status(error) == CTL_TIMED_OUT;
}

/* Returns: whether to go on */
static gboolean
ping_once(Ctl *ctl, Score *score, const char *peer, GError **error)
{
    g_autoptr(GError) why = NULL;
    /* The service answers within the time; the second more is for the bus. */
    g_autoptr(GVariant) answer = ctl_call(ctl, peer, STILE_INTERFACE_PEER, "Ping",
                                          g_variant_new("(u)", (guint)options.timeout_ms),
                                          options.timeout_ms + 1000, &why);
    guint rtt = 0;

    score->sent++;
    if (answer) {
        g_variant_get(answer, "(u)", &rtt);
        count_answer(ctl, score, peer, rtt);
        return TRUE;
    }
    if (!is_unreachable(why)) {
        g_propagate_error(error, g_steal_pointer(&why));
        return FALSE;
    }
    g_dbus_error_strip_remote_error(why);
    json_array_add_null_element(score->answers);
    if (!ctl->json)
        g_print("%d: %s\n", score->sent, why->message);
    return TRUE;
}

static gboolean
ping_all(Ctl *ctl, Score *score, const char *peer, GError **error)
{
    int count = options.count == 0 && ctl->json ? 4 : options.count;

    while (!interrupted && (count == 0 || score->sent < count)) {
        gint64 began = g_get_monotonic_time();
        if (!ping_once(ctl, score, peer, error))
            return FALSE;
        if (count != 0 && score->sent == count)
            break;
        /* Not g_usleep(), which Ctrl-C does not end. */
        poll(NULL, 0, MAX(0, INTERVAL_MS - (int)((g_get_monotonic_time() - began) / 1000)));
    }
    return TRUE;
}

static void
print_score(Ctl *ctl, CtlSnapshot *snapshot, const char *peer, const Score *score)
{
    const char *name = ctl_text(snapshot, peer, "Name");
    guint average = score->answered ? (guint)(score->sum / (guint)score->answered) : 0;
    JsonObject *object;
    JsonNode *node;

    if (!ctl->json) {
        g_print(_("%s: %d sent, %d answered"), name, score->sent, score->answered);
        if (score->answered)
            g_print(_(", %.1f/%.1f/%.1f ms least/average/most"), score->least / 1000.0,
                    average / 1000.0, score->most / 1000.0);
        g_print("\n");
        return;
    }
    object = json_object_new();
    json_object_set_string_member(object, "id", ctl_text(snapshot, peer, "Id"));
    json_object_set_string_member(object, "name", name);
    json_object_set_int_member(object, "sent", score->sent);
    json_object_set_int_member(object, "answered", score->answered);
    json_object_set_int_member(object, "rtt-least", score->least);
    json_object_set_int_member(object, "rtt-average", average);
    json_object_set_int_member(object, "rtt-most", score->most);
    json_object_set_array_member(object, "rtts", json_array_ref(score->answers));
    node = json_node_alloc();
    json_node_init_object(node, object);
    json_object_unref(object);
    ctl_print_json(node, TRUE);
}

static gboolean
run_ping(Ctl *ctl, char **arguments, GError **error)
{
    const struct sigaction action = {.sa_handler = on_interrupt};
    g_autoptr(CtlSnapshot) snapshot = NULL;
    g_autoptr(JsonArray) answers = json_array_new();
    Score score = {.answers = answers};
    const char *peer;

    if (options.count < 0 || options.timeout_ms < 1 || options.timeout_ms > 60000) {
        g_set_error(error, CTL_ERROR, CTL_USAGE,
                    _("--count is at least 1, --timeout is 1 to 60000 milliseconds"));
        return FALSE;
    }
    snapshot = ctl_snapshot_new(ctl, error);
    if (!snapshot || !(peer = ctl_find_peer(snapshot, options.network, arguments[0], error)))
        return FALSE;
    sigaction(SIGINT, &action, NULL);
    if (!ping_all(ctl, &score, peer, error))
        return FALSE;
    print_score(ctl, snapshot, peer, &score);
    ctl->told = ctl->json;
    if (score.answered == 0)
        g_set_error(error, CTL_ERROR, CTL_TIMED_OUT, _("No answer from %s"),
                    ctl_text(snapshot, peer, "Name"));
    return score.answered > 0;
}

const CtlCommand ctl_command_ping = {
    .name = "ping",
    .arguments = N_("PEER"),
    .summary = N_("Send echo requests through the tunnel"),
    .examples = "  stilectl ping laptop\n"
                "  stilectl ping 10.86.0.2 -c 3 --json",
    .n_least = 1,
    .n_most = 1,
    .options = ping_entries,
    .run = run_ping,
};

static gboolean
run_probe(Ctl *ctl, char **arguments, GError **error)
{
    g_autoptr(CtlSnapshot) snapshot = ctl_snapshot_new(ctl, error);
    g_autoptr(GVariant) answer = NULL;
    const char *peer;

    if (!snapshot || !(peer = ctl_find_peer(snapshot, options.network, arguments[0], error)))
        return FALSE;
    answer = ctl_call(ctl, peer, STILE_INTERFACE_PEER, "Probe", NULL, CTL_TIMEOUT_MS, error);
    if (!answer)
        return FALSE;
    ctl_print_done(ctl, snapshot, peer,
                   _("Looking for a direct path to %s: stilectl watch shows how it goes.\n"),
                   ctl_text(snapshot, peer, "Name"));
    return TRUE;
}

const CtlCommand ctl_command_probe = {
    .name = "probe",
    .arguments = N_("PEER"),
    .summary = N_("Try for a direct path now"),
    .examples = "  stilectl probe laptop",
    .n_least = 1,
    .n_most = 1,
    .options = probe_entries,
    .run = run_probe,
};
