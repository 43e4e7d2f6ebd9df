/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "natbox-options.h"

#include <arpa/inet.h>
#include <string.h>

/* RFC 4787 REQ-5, RFC 5508 REQ-2, RFC 5382 REQ-5: the least that a NAT should keep, in seconds. */
#define UDP_LIFETIME         "120"
#define ICMP_LIFETIME        "60"
#define TCP_LIFETIME         "7440"
#define TCP_OPENING_LIFETIME "240"

/* A name that an option takes, and what it stands for. */
typedef struct {
    const char *name;
    gint value;
} Word;

static const Word dependences[] = {
    {"endpoint-independent", NATBOX_ENDPOINT_INDEPENDENT},
    {"address-dependent", NATBOX_ADDRESS_DEPENDENT},
    {"address-and-port-dependent", NATBOX_ADDRESS_AND_PORT_DEPENDENT},
    {NULL, 0}};
static const Word hairpins[] = {{"off", NATBOX_HAIRPIN_OFF},
                                {"external", NATBOX_HAIRPIN_EXTERNAL},
                                {"internal", NATBOX_HAIRPIN_INTERNAL},
                                {NULL, 0}};
static const Word unsolicited[] = {{"drop", NATBOX_UNSOLICITED_DROP},
                                   {"icmp", NATBOX_UNSOLICITED_ICMP},
                                   {"rst", NATBOX_UNSOLICITED_RST},
                                   {NULL, 0}};
static const Word refreshes[] = {{"outbound", FALSE}, {"both", TRUE}, {NULL, 0}};
static const Word poolings[] = {{"paired", TRUE}, {"arbitrary", FALSE}, {NULL, 0}};
static const Word fulls[] = {{"drop", FALSE}, {"evict", TRUE}, {NULL, 0}};
static const Word syns[] = {{"accept", FALSE}, {"drop", TRUE}, {NULL, 0}};
static const Word protocols[] = {{"udp", IPPROTO_UDP}, {"tcp", IPPROTO_TCP}, {NULL, 0}};

static gboolean
refuse(GError **error, const char *option, const char *text)
{
    g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, "--%s does not know %s", option,
                text);
    return FALSE;
}

/* Leaves @ret as it is where the option was not given. */
static gboolean
parse_word(gint *ret, const Word *words, const char *option, const char *text, GError **error)
{
    if (!text)
        return TRUE;
    for (const Word *word = words; word->name; word++) {
        if (strcmp(word->name, text) == 0) {
            *ret = word->value;
            return TRUE;
        }
    }
    return refuse(error, option, text);
}

static gboolean
parse_number(guint64 *ret, const char *text, guint64 low, guint64 high, GError **error)
{
    return g_ascii_string_to_unsigned(text, 10, low, high, ret, error);
}

static gboolean
parse_address(guint32 *ret, const char *text, GError **error)
{
    struct in_addr address;

    if (inet_pton(AF_INET, text, &address) != 1) {
        g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, "%s is no IPv4 address", text);
        return FALSE;
    }
    *ret = ntohl(address.s_addr);
    return TRUE;
}

GArray *
natbox_addresses_parse(const char *text, GError **error)
{
    g_auto(GStrv) parts = g_strsplit(text, ",", -1);
    g_autoptr(GArray) addresses = g_array_new(FALSE, FALSE, sizeof(guint32));

    for (guint i = 0; parts[i]; i++) {
        guint32 address;

        if (!parse_address(&address, parts[i], error))
            return NULL;
        g_array_append_val(addresses, address);
    }
    if (addresses->len == 0) {
        g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, "a NAT needs an address");
        return NULL;
    }
    return g_steal_pointer(&addresses);
}

gboolean
natbox_probability_parse(gdouble *ret, const char *text, GError **error)
{
    char *end;
    gdouble value = g_ascii_strtod(text, &end);

    if (end == text || *end || !(value >= 0 && value <= 1)) {
        g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, "%s is no probability", text);
        return FALSE;
    }
    *ret = value;
    return TRUE;
}

gboolean
natbox_milliseconds_parse(gint64 *ret, const char *text, GError **error)
{
    guint64 value;

    if (!parse_number(&value, text, 0, 60000, error))
        return FALSE;
    *ret = (gint64)value * 1000;
    return TRUE;
}

/* A number of seconds, with a fraction where wanted, into µs. */
static gboolean
parse_lifetime(gint64 *ret, const char *option, const char *text, GError **error)
{
    char *end;
    gdouble value = g_ascii_strtod(text, &end);

    if (end == text || *end || !(value > 0 && value <= 1e6))
        return refuse(error, option, text);
    *ret = (gint64)(value * G_USEC_PER_SEC);
    return TRUE;
}

/* preserve, sequential[:STEP], block[:SIZE], random */
static gboolean
parse_ports(NatboxOptions *options, const char *text, GError **error)
{
    g_auto(GStrv) parts = g_strsplit(text, ":", 2);
    guint64 block;
    gint64 step;

    options->step = 1;
    options->block = 512;
    if (g_strcmp0(parts[0], "sequential") == 0) {
        options->ports = NATBOX_PORTS_SEQUENTIAL;
        if (parts[1]) {
            if (!g_ascii_string_to_signed(parts[1], 10, -1000, 1000, &step, error))
                return FALSE;
            options->step = (gint)step;
        }
        return options->step != 0 || refuse(error, "ports", text);
    }
    if (g_strcmp0(parts[0], "block") == 0) {
        options->ports = NATBOX_PORTS_BLOCK;
        if (parts[1]) {
            if (!parse_number(&block, parts[1], 1, 65535, error))
                return FALSE;
            options->block = (guint)block;
        }
        return TRUE;
    }
    options->ports = NATBOX_PORTS_PRESERVE;
    if (strcmp(text, "random") == 0)
        options->ports = NATBOX_PORTS_RANDOM;
    else if (strcmp(text, "preserve") != 0)
        return refuse(error, "ports", text);
    return TRUE;
}

static gboolean
parse_range(NatboxOptions *options, const char *text, GError **error)
{
    g_auto(GStrv) parts = g_strsplit(text, "-", -1);
    guint64 low, high;

    if (g_strv_length(parts) != 2)
        return refuse(error, "range", text);
    if (!parse_number(&low, parts[0], 1, 65535, error) ||
        !parse_number(&high, parts[1], low, 65535, error))
        return FALSE;
    options->port_low = (guint16)low;
    options->port_high = (guint16)high;
    return TRUE;
}

/* udp:8000=192.168.1.10:51820 */
static gboolean
parse_forward(NatboxOptions *options, const char *text, GError **error)
{
    g_auto(GStrv) parts = g_strsplit_set(text, ":=", -1);
    NatboxForward forward = {0};
    guint64 outside, inside;
    gint protocol = 0;

    if (g_strv_length(parts) != 4)
        return refuse(error, "forward", text);
    if (!parse_word(&protocol, protocols, "forward", parts[0], error) ||
        !parse_number(&outside, parts[1], 1, 65535, error) ||
        !parse_address(&forward.inside.address, parts[2], error) ||
        !parse_number(&inside, parts[3], 1, 65535, error))
        return FALSE;
    forward.protocol = (guint8)protocol;
    forward.port = (guint16)outside;
    forward.inside.port = (guint16)inside;
    g_array_append_val(options->forwards, forward);
    return TRUE;
}

/* The four kinds of RFC 3489, and what they are in the words of RFC 4787. */
static gboolean
parse_kind(NatboxOptions *options, const char *text, GError **error)
{
    static const Word kinds[] = {{"full-cone", 0},
                                 {"restricted-cone", 1},
                                 {"port-restricted-cone", 2},
                                 {"symmetric", 3},
                                 {NULL, 0}};
    gint kind = 2;

    if (!parse_word(&kind, kinds, "kind", text, error))
        return FALSE;
    options->mapping = kind == 3 ? NATBOX_ADDRESS_AND_PORT_DEPENDENT : NATBOX_ENDPOINT_INDEPENDENT;
    options->filtering = kind == 0   ? NATBOX_ENDPOINT_INDEPENDENT
                         : kind == 1 ? NATBOX_ADDRESS_DEPENDENT
                                     : NATBOX_ADDRESS_AND_PORT_DEPENDENT;
    options->ports = kind == 3 ? NATBOX_PORTS_RANDOM : NATBOX_PORTS_PRESERVE;
    return TRUE;
}

/* The command line as it was given, before it means anything. */
typedef struct {
    char *addresses, *kind, *mapping, *filtering, *ports, *range, *pooling, *hairpin, *unsolicited;
    char *dmz, *udp_lifetime, *icmp_lifetime, *tcp_lifetime, *tcp_opening_lifetime, *refresh, *full;
    char *inbound_syn, *loss_out, *loss_in, *delay_out, *delay_in;
    char **forwards, **only_tcp;
    gint table, seed;
} Line;

static void
line_clear(Line *line)
{
    char **texts[] = {&line->addresses,    &line->kind,
                      &line->mapping,      &line->filtering,
                      &line->ports,        &line->range,
                      &line->pooling,      &line->hairpin,
                      &line->unsolicited,  &line->dmz,
                      &line->udp_lifetime, &line->icmp_lifetime,
                      &line->tcp_lifetime, &line->tcp_opening_lifetime,
                      &line->refresh,      &line->full,
                      &line->inbound_syn,  &line->loss_out,
                      &line->loss_in,      &line->delay_out,
                      &line->delay_in};

    for (gsize i = 0; i < G_N_ELEMENTS(texts); i++)
        g_clear_pointer(texts[i], g_free);
    g_clear_pointer(&line->forwards, g_strfreev);
    g_clear_pointer(&line->only_tcp, g_strfreev);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Line, line_clear)

static gboolean
parse_behaviour(NatboxOptions *options, const Line *line, GError **error)
{
    gint mapping, filtering, hairpin = NATBOX_HAIRPIN_OFF, answer = NATBOX_UNSOLICITED_DROP;

    if (!parse_kind(options, line->kind ? line->kind : "port-restricted-cone", error))
        return FALSE;
    mapping = (gint)options->mapping;
    filtering = (gint)options->filtering;
    if (!parse_word(&mapping, dependences, "mapping", line->mapping, error) ||
        !parse_word(&filtering, dependences, "filtering", line->filtering, error) ||
        !parse_word(&hairpin, hairpins, "hairpin", line->hairpin, error) ||
        !parse_word(&answer, unsolicited, "unsolicited", line->unsolicited, error) ||
        !parse_word(&options->paired, poolings, "pooling", line->pooling, error) ||
        !parse_word(&options->refresh_inbound, refreshes, "refresh", line->refresh, error) ||
        !parse_word(&options->evict, fulls, "table-full", line->full, error) ||
        !parse_word(&options->drop_inbound_syn, syns, "inbound-syn", line->inbound_syn, error))
        return FALSE;
    options->mapping = (NatboxDependence)mapping;
    options->filtering = (NatboxDependence)filtering;
    options->hairpin = (NatboxHairpin)hairpin;
    options->unsolicited = (NatboxUnsolicited)answer;
    return (!line->ports || parse_ports(options, line->ports, error)) &&
           parse_range(options, line->range ? line->range : "1024-65535", error);
}

static gboolean
parse_limits(NatboxOptions *options, const Line *line, GError **error)
{
    return parse_lifetime(&options->udp_lifetime, "udp-lifetime",
                          line->udp_lifetime ? line->udp_lifetime : UDP_LIFETIME, error) &&
           parse_lifetime(&options->icmp_lifetime, "icmp-lifetime",
                          line->icmp_lifetime ? line->icmp_lifetime : ICMP_LIFETIME, error) &&
           parse_lifetime(&options->tcp_lifetime, "tcp-lifetime",
                          line->tcp_lifetime ? line->tcp_lifetime : TCP_LIFETIME, error) &&
           parse_lifetime(&options->tcp_opening_lifetime, "tcp-opening-lifetime",
                          line->tcp_opening_lifetime ? line->tcp_opening_lifetime
                                                     : TCP_OPENING_LIFETIME,
                          error) &&
           natbox_probability_parse(&options->loss_out, line->loss_out ? line->loss_out : "0",
                                    error) &&
           natbox_probability_parse(&options->loss_in, line->loss_in ? line->loss_in : "0",
                                    error) &&
           natbox_milliseconds_parse(&options->delay_out, line->delay_out ? line->delay_out : "0",
                                     error) &&
           natbox_milliseconds_parse(&options->delay_in, line->delay_in ? line->delay_in : "0",
                                     error);
}

static gboolean
parse_openings(NatboxOptions *options, const Line *line, GError **error)
{
    for (guint i = 0; line->forwards && line->forwards[i]; i++)
        if (!parse_forward(options, line->forwards[i], error))
            return FALSE;
    for (guint i = 0; line->only_tcp && line->only_tcp[i]; i++) {
        guint64 port;

        if (!parse_number(&port, line->only_tcp[i], 1, 65535, error))
            return FALSE;
        if (!options->only_tcp)
            options->only_tcp = g_hash_table_new(NULL, NULL);
        g_hash_table_add(options->only_tcp, GUINT_TO_POINTER((guint)port));
    }
    return !line->dmz || parse_address(&options->dmz, line->dmz, error);
}

static gboolean
check_sense(const NatboxOptions *options, GError **error)
{
    gint size = options->port_high - options->port_low + 1;
    const char *wrong = NULL;

    if (!options->inside_device || !options->outside_device || !options->addresses)
        wrong = "--inside, --outside and --address are needed";
    else if (options->ports == NATBOX_PORTS_BLOCK && options->block > (guint)size)
        wrong = "a block does not fit into the range of ports";
    else if (options->ports == NATBOX_PORTS_SEQUENTIAL && ABS(options->step) >= size)
        wrong = "the step is longer than the range of ports";
    if (wrong)
        g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_FAILED, "%s", wrong);
    return !wrong;
}

NatboxOptions *
natbox_options_parse(int *argc, char ***argv, GError **error)
{
    g_autoptr(NatboxOptions) options = g_new0(NatboxOptions, 1);
    g_auto(Line) line = {0};
    g_autoptr(GOptionContext) context = g_option_context_new("- a NAT between two TUN devices");
    const GOptionEntry entries[] = {
        {"inside", 0, 0, G_OPTION_ARG_STRING, &options->inside_device, "TUN device, is made",
         "NAME"},
        {"outside", 0, 0, G_OPTION_ARG_STRING, &options->outside_device, "the same", "NAME"},
        {"control", 0, 0, G_OPTION_ARG_FILENAME, &options->control, "Socket for ctl", "PATH"},
        {"address", 0, 0, G_OPTION_ARG_STRING, &line.addresses, "Outside addresses", "A,…"},
        {"kind", 0, 0, G_OPTION_ARG_STRING, &line.kind,
         "One of RFC 3489's; what follows overrides parts of it", "full-cone, …"},
        {"mapping", 0, 0, G_OPTION_ARG_STRING, &line.mapping, "RFC 4787's",
         "endpoint-independent, …"},
        {"filtering", 0, 0, G_OPTION_ARG_STRING, &line.filtering, "The same",
         "address-dependent, …"},
        {"ports", 0, 0, G_OPTION_ARG_STRING, &line.ports, "Allocation",
         "preserve, sequential[:STEP], block[:SIZE], random"},
        {"range", 0, 0, G_OPTION_ARG_STRING, &line.range, "Of ports", "LOW-HIGH"},
        {"pooling", 0, 0, G_OPTION_ARG_STRING, &line.pooling, "Of addresses", "paired, arbitrary"},
        {"hairpin", 0, 0, G_OPTION_ARG_STRING, &line.hairpin, "By which source",
         "off, external, internal"},
        {"unsolicited", 0, 0, G_OPTION_ARG_STRING, &line.unsolicited, "Answer", "drop, icmp, rst"},
        {"forward", 0, 0, G_OPTION_ARG_STRING_ARRAY, &line.forwards, "A port, inbound only",
         "PROTOCOL:PORT=ADDRESS:PORT"},
        {"dmz", 0, 0, G_OPTION_ARG_STRING, &line.dmz, "Gets what nobody else wants", "ADDRESS"},
        {"udp-lifetime", 0, 0, G_OPTION_ARG_STRING, &line.udp_lifetime, "Default " UDP_LIFETIME,
         "SECONDS"},
        {"icmp-lifetime", 0, 0, G_OPTION_ARG_STRING, &line.icmp_lifetime, "Default " ICMP_LIFETIME,
         "SECONDS"},
        {"tcp-lifetime", 0, 0, G_OPTION_ARG_STRING, &line.tcp_lifetime, "Default " TCP_LIFETIME,
         "SECONDS"},
        {"tcp-opening-lifetime", 0, 0, G_OPTION_ARG_STRING, &line.tcp_opening_lifetime,
         "Default " TCP_OPENING_LIFETIME, "SECONDS"},
        {"refresh", 0, 0, G_OPTION_ARG_STRING, &line.refresh, "What prolongs them",
         "outbound, both"},
        {"table", 0, 0, G_OPTION_ARG_INT, &line.table, "Sessions, 0 for no limit", "N"},
        {"table-full", 0, 0, G_OPTION_ARG_STRING, &line.full, "What then", "drop, evict"},
        {"no-udp", 0, 0, G_OPTION_ARG_NONE, &options->no_udp, "Neither out nor in", NULL},
        {"only-tcp", 0, 0, G_OPTION_ARG_STRING_ARRAY, &line.only_tcp,
         "Outbound TCP to this port; may be repeated", "PORT"},
        {"inbound-syn", 0, 0, G_OPTION_ARG_STRING, &line.inbound_syn,
         "Even where the filter lets it in", "accept, drop"},
        {"loss-out", 0, 0, G_OPTION_ARG_STRING, &line.loss_out, "Probability", "0…1"},
        {"loss-in", 0, 0, G_OPTION_ARG_STRING, &line.loss_in, "Probability", "0…1"},
        {"delay-out", 0, 0, G_OPTION_ARG_STRING, &line.delay_out, "One way", "MILLISECONDS"},
        {"delay-in", 0, 0, G_OPTION_ARG_STRING, &line.delay_in, "One way", "MILLISECONDS"},
        {"seed", 0, 0, G_OPTION_ARG_INT, &line.seed, "Of all that is random", "N"},
        G_OPTION_ENTRY_NULL};

    options->forwards = g_array_new(FALSE, FALSE, sizeof(NatboxForward));
    options->paired = TRUE;
    options->refresh_inbound = FALSE;
    line.seed = 1;
    g_option_context_add_main_entries(context, entries, NULL);
    if (!g_option_context_parse(context, argc, argv, error))
        return NULL;
    if (line.table < 0) {
        refuse(error, "table", "a negative number");
        return NULL;
    }
    options->table = (guint)line.table;
    options->seed = (guint32)line.seed;
    if (line.addresses && !(options->addresses = natbox_addresses_parse(line.addresses, error)))
        return NULL;
    if (!parse_behaviour(options, &line, error) || !parse_limits(options, &line, error) ||
        !parse_openings(options, &line, error) || !check_sense(options, error))
        return NULL;
    return g_steal_pointer(&options);
}

void
natbox_options_free(NatboxOptions *options)
{
    g_free(options->inside_device);
    g_free(options->outside_device);
    g_free(options->control);
    g_clear_pointer(&options->addresses, g_array_unref);
    g_clear_pointer(&options->forwards, g_array_unref);
    g_clear_pointer(&options->only_tcp, g_hash_table_unref);
    g_free(options);
}
