/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nat/probe-socket.h"

/* 2.75 seconds until silence is silence: enough for a satellite, or for a loss of one in ten, and
 * short enough for somebody who waits. */
static const StileStunPace pace = {
    .rto = 250 * G_TIME_SPAN_MILLISECOND,
    .max_sends = 4,
    .last_wait = 4,
};

struct _StileProbeSocket {
    StileClock *clock;
    const StileProbeWire *wire;
    gpointer opened;
    StileStunTransactions *transactions;
    GPtrArray *asked; /* of Asked */
    StileNatInquiry *inquiry;
    StileProbeInquired inquired;
    gpointer inquired_data;
    StileProbeHeard heard;
    gpointer heard_data;
};

typedef struct {
    StileProbeSocket *socket;
    StileNatQuestion question;
    StileProbeAnswered answered;
    gpointer user_data;
} Asked;

static void
on_send(gpointer user_data, const StileEndpoint *to, const guint8 *data, gsize size)
{
    stile_probe_socket_send(user_data, &to->remote, data, size);
}

StileProbeSocket *
stile_probe_socket_new(StileClock *clock, const StileProbeWire *wire, gpointer wire_data,
                       int family, GError **error)
{
    g_autoptr(StileProbeSocket) socket = g_new0(StileProbeSocket, 1);

    socket->clock = stile_clock_ref(clock);
    socket->wire = wire;
    socket->asked = g_ptr_array_new_with_free_func(g_free);
    socket->transactions = stile_stun_transactions_new(clock, on_send, socket);
    socket->opened = wire->open(wire_data, family, socket, error);
    return socket->opened ? g_steal_pointer(&socket) : NULL;
}

void
stile_probe_socket_free(StileProbeSocket *socket)
{
    if (!socket)
        return;
    stile_stun_transactions_free(socket->transactions);
    g_ptr_array_unref(socket->asked);
    if (socket->opened)
        socket->wire->close(socket->opened);
    stile_clock_unref(socket->clock);
    g_free(socket);
}

void
stile_probe_socket_send(StileProbeSocket *socket, const StileAddress *to, const guint8 *data,
                        gsize size)
{
    socket->wire->send(socket->opened, to, data, size);
}

static void
on_done(gpointer user_data, const StileStunMessage *response, const StileEndpoint *from, gint64 rtt)
{
    Asked asked = *(Asked *)user_data;
    StileNatAnswer answer;

    g_ptr_array_remove_fast(asked.socket->asked, user_data);
    if (response)
        stile_nat_answer_read(&answer, &asked.question, response, &from->remote, &from->local);
    asked.answered(asked.user_data, asked.socket, response ? &answer : NULL);
}

static void
ask(StileProbeSocket *socket, const Asked *what)
{
    Asked *asked = g_memdup2(what, sizeof *what);
    StileEndpoint to = {.kind = STILE_ENDPOINT_UDP, .remote = what->question.to};
    guint8 id[STILE_STUN_ID_SIZE];
    StileStunBuilder builder;
    gsize size;

    g_ptr_array_add(socket->asked, asked);
    stile_clock_random(socket->clock, id, sizeof id);
    size = stile_nat_question_write(&what->question, id, &builder);
    stile_stun_transactions_request(socket->transactions, &to, builder.data, size,
                                    what->question.member ? what->question.key : NULL,
                                    sizeof what->question.key, &pace, on_done, asked);
}

void
stile_probe_socket_ask(StileProbeSocket *socket, const StileNatQuestion *question,
                       StileProbeAnswered answered, gpointer user_data)
{
    ask(socket, &(Asked){socket, *question, answered, user_data});
}

static void on_step(gpointer user_data, StileProbeSocket *socket, const StileNatAnswer *answer);

static void
go_on(StileProbeSocket *socket)
{
    int step;

    while ((step = stile_nat_inquiry_next(socket->inquiry)) >= 0) {
        Asked what = {socket, socket->inquiry->steps[step].question, on_step,
                      GINT_TO_POINTER(step)};

        ask(socket, &what);
    }
    if (stile_nat_inquiry_is_done(socket->inquiry)) {
        socket->inquiry = NULL;
        socket->inquired(socket->inquired_data, socket);
    }
}

static void
on_step(gpointer user_data, StileProbeSocket *socket, const StileNatAnswer *answer)
{
    stile_nat_inquiry_answer(socket->inquiry, GPOINTER_TO_UINT(user_data), answer);
    go_on(socket);
}

void
stile_probe_socket_inquire(StileProbeSocket *socket, StileNatInquiry *inquiry,
                           StileProbeInquired done, gpointer user_data)
{
    g_return_if_fail(!socket->inquiry);
    socket->inquiry = inquiry;
    socket->inquired = done;
    socket->inquired_data = user_data;
    go_on(socket);
}

void
stile_probe_socket_set_heard(StileProbeSocket *socket, StileProbeHeard heard, gpointer user_data)
{
    socket->heard = heard;
    socket->heard_data = user_data;
}

void
stile_probe_socket_receive(StileProbeSocket *socket, const StileAddress *local,
                           const StileAddress *from, const guint8 *data, gsize size)
{
    StileEndpoint endpoint = {.kind = STILE_ENDPOINT_UDP, .remote = *from, .local = *local};
    StileStunMessage message;

    if (!stile_stun_message_parse(&message, data, size, NULL))
        return;
    if (!stile_stun_transactions_receive(socket->transactions, &message, &endpoint) &&
        socket->heard)
        socket->heard(socket->heard_data, socket, &message, from);
}
