/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "portmap/soap.h"

#include "base/error.h"
#include "portmap/markup.h"

#include <string.h>

#define MAX_DEPTH 16
#define MAX_TEXT  64
#define OUR_NAME  "Stile"

char *
stile_soap_build(const StileAddress *server, const char *path, const char *type, const char *action,
                 const char *arguments)
{
    g_autofree char *host = stile_address_to_string(server);
    g_autofree char *quoted_type = g_markup_escape_text(type, -1);
    g_autofree char *body = g_strdup_printf(
        "<?xml version=\"1.0\"?>\r\n"
        "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\" "
        "s:encodingStyle=\"http://schemas.xmlsoap.org/soap/encoding/\"><s:Body>"
        "<u:%s xmlns:u=\"%s\">%s</u:%s></s:Body></s:Envelope>\r\n",
        action, quoted_type, arguments ? arguments : "", action);

    return g_strdup_printf("POST %s HTTP/1.1\r\n"
                           "Host: %s\r\n"
                           "Content-Type: text/xml; charset=\"utf-8\"\r\n"
                           "Content-Length: %zu\r\n"
                           "SOAPAction: \"%s#%s\"\r\n"
                           "Connection: close\r\n\r\n%s",
                           path, host, strlen(body), type, action, body);
}

char *
stile_soap_add_arguments(const StileAddress *internal, guint16 external_port, guint32 lease)
{
    g_autofree char *client = stile_address_ip_to_string(internal);

    return g_strdup_printf("<NewRemoteHost></NewRemoteHost>"
                           "<NewExternalPort>%u</NewExternalPort>"
                           "<NewProtocol>UDP</NewProtocol>"
                           "<NewInternalPort>%u</NewInternalPort>"
                           "<NewInternalClient>%s</NewInternalClient>"
                           "<NewEnabled>1</NewEnabled>"
                           "<NewPortMappingDescription>" OUR_NAME "</NewPortMappingDescription>"
                           "<NewLeaseDuration>%u</NewLeaseDuration>",
                           external_port, stile_address_port(internal), client, lease);
}

char *
stile_soap_delete_arguments(guint16 external_port)
{
    return g_strdup_printf("<NewRemoteHost></NewRemoteHost>"
                           "<NewExternalPort>%u</NewExternalPort>"
                           "<NewProtocol>UDP</NewProtocol>",
                           external_port);
}

char *
stile_soap_entry_arguments(guint index)
{
    return g_strdup_printf("<NewPortMappingIndex>%u</NewPortMappingIndex>", index);
}

typedef struct {
    StileSoapReply reply;
    guint16 internal_port;
    gboolean has_name, is_udp, is_endless;
} Parser;

static void
read_address(StileAddress *ret, const char *text)
{
    StileAddress address;

    if (stile_address_parse(&address, text, 0, NULL) && !stile_address_port(&address) &&
        stile_address_family(&address) == AF_INET)
        *ret = address;
}

static void
read_port(guint16 *ret, const char *text)
{
    guint64 number;

    if (g_ascii_string_to_unsigned(text, 10, 1, G_MAXUINT16, &number, NULL))
        *ret = (guint16)number;
}

static void
on_entry_field(Parser *parser, const char *name, const char *text)
{
    if (strcmp(name, "NewInternalClient") == 0)
        read_address(&parser->reply.client, text);
    else if (strcmp(name, "NewInternalPort") == 0)
        read_port(&parser->internal_port, text);
    else if (strcmp(name, "NewExternalPort") == 0)
        read_port(&parser->reply.external_port, text);
    else if (strcmp(name, "NewPortMappingDescription") == 0)
        parser->has_name = strcmp(text, OUR_NAME) == 0;
    else if (strcmp(name, "NewProtocol") == 0)
        parser->is_udp = strcmp(text, "UDP") == 0;
    else if (strcmp(name, "NewLeaseDuration") == 0)
        parser->is_endless = strcmp(text, "0") == 0;
}

static void
on_end(gpointer user_data, const char *name, guint depth, const char *text)
{
    Parser *parser = user_data;
    guint64 number;

    if (strcmp(name, "errorCode") == 0) {
        if (g_ascii_string_to_unsigned(text, 10, 1, 999, &number, NULL))
            parser->reply.error = (guint)number;
    } else if (strcmp(name, "NewReservedPort") == 0) {
        read_port(&parser->reply.reserved_port, text);
    } else if (strcmp(name, "NewExternalIPAddress") == 0) {
        read_address(&parser->reply.external, text);
    } else {
        on_entry_field(parser, name, text);
    }
}

gboolean
stile_soap_parse(StileSoapReply *ret, guint status, const char *data, gsize size, GError **error)
{
    static const StileMarkupCalls calls = {
        .max_depth = MAX_DEPTH, .max_text = MAX_TEXT, .end = on_end};
    Parser parser = {0};
    gboolean ok = stile_markup_read(&calls, &parser, data, size);

    /* A fault comes with 500, and with a number. */
    if (!ok || (status == 200) == (parser.reply.error != STILE_SOAP_OK)) {
        g_set_error(error, STILE_ERROR, STILE_ERROR_INVALID_ARGUMENT, "Malformed SOAP reply");
        return FALSE;
    }
    if (stile_address_is_set(&parser.reply.client))
        parser.reply.client = stile_address_with_port(&parser.reply.client, parser.internal_port);
    parser.reply.is_ours = parser.has_name && parser.is_udp && parser.is_endless;
    *ret = parser.reply;
    return TRUE;
}
