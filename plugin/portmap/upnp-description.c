/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "portmap/upnp-description.h"

#include "base/error.h"

#include <string.h>

#define MAX_DEPTH 32
#define MAX_TEXT  1024

typedef struct {
    GString *text;
    guint depth;
    guint service_depth; /* 0 outside */
    StileUpnpService service;
    StileUpnpService best;
    gboolean best_is_ip;
} Parser;

void
stile_upnp_service_clear(StileUpnpService *service)
{
    g_free(service->type);
    g_free(service->control_url);
    g_free(service->url_base);
    memset(service, 0, sizeof *service);
}

/* Names may have a prefix: `d:service`. */
static const char *
local_name(const char *name)
{
    const char *colon = strrchr(name, ':');

    return colon ? colon + 1 : name;
}

static void
on_start(GMarkupParseContext *context, const char *name, const char **names, const char **values,
         gpointer user_data, GError **error)
{
    Parser *parser = user_data;

    if (++parser->depth > MAX_DEPTH)
        g_set_error(error, G_MARKUP_ERROR, G_MARKUP_ERROR_INVALID_CONTENT, "Too deep");
    g_string_truncate(parser->text, 0);
    if (!parser->service_depth && strcmp(local_name(name), "service") == 0)
        parser->service_depth = parser->depth;
}

/* Returns: 0 when it is not of this family */
static guint
version_of(const char *type, const char *family)
{
    gsize length = strlen(family);
    const char *version;

    /* By hand: what strtoull() skips would go into our headers. */
    if (!g_str_has_prefix(type, family))
        return 0;
    version = type + length;
    if (*version < '1' || *version > '9' || version[1])
        return 0;
    return (guint)(*version - '0');
}

static void
end_service(Parser *parser)
{
    StileUpnpService *service = &parser->service;
    guint ip = 0, ppp = 0;

    if (service->type && service->control_url) {
        ip = version_of(service->type, "urn:schemas-upnp-org:service:WANIPConnection:");
        ppp = version_of(service->type, "urn:schemas-upnp-org:service:WANPPPConnection:");
    }
    service->version = MAX(ip, ppp);
    if ((ip && (!parser->best_is_ip || ip > parser->best.version)) ||
        (ppp && !parser->best_is_ip && ppp > parser->best.version)) {
        char *url_base = g_steal_pointer(&parser->best.url_base);

        stile_upnp_service_clear(&parser->best);
        parser->best = *service;
        parser->best.url_base = url_base;
        parser->best_is_ip = ip > 0;
        memset(service, 0, sizeof *service);
    }
    stile_upnp_service_clear(service);
    parser->service_depth = 0;
}

static void
keep(Parser *parser, char **field)
{
    if (!*field)
        *field = g_strstrip(g_strdup(parser->text->str));
}

static void
on_end(GMarkupParseContext *context, const char *name, gpointer user_data, GError **error)
{
    Parser *parser = user_data;
    const char *local = local_name(name);

    if (parser->service_depth == parser->depth)
        end_service(parser);
    else if (parser->service_depth && strcmp(local, "serviceType") == 0)
        keep(parser, &parser->service.type);
    else if (parser->service_depth && strcmp(local, "controlURL") == 0)
        keep(parser, &parser->service.control_url);
    else if (parser->depth == 2 && strcmp(local, "URLBase") == 0)
        keep(parser, &parser->best.url_base);
    g_string_truncate(parser->text, 0);
    parser->depth--;
}

static void
on_text(GMarkupParseContext *context, const char *text, gsize size, gpointer user_data,
        GError **error)
{
    Parser *parser = user_data;

    g_string_append_len(parser->text, text,
                        (gssize)MIN(size, MAX_TEXT - MIN(parser->text->len, MAX_TEXT)));
}

gboolean
stile_upnp_description_parse(StileUpnpService *ret, const char *data, gsize size, GError **error)
{
    static const GMarkupParser markup = {
        .start_element = on_start, .end_element = on_end, .text = on_text};
    Parser parser = {.text = g_string_new(NULL)};
    g_autoptr(GMarkupParseContext)
        context = g_markup_parse_context_new(&markup, G_MARKUP_TREAT_CDATA_AS_TEXT, &parser, NULL);
    /* Some routers send a NUL at the end. */
    gboolean ok = size > 0 &&
                  g_markup_parse_context_parse(context, data, (gssize)strnlen(data, size), NULL) &&
                  g_markup_parse_context_end_parse(context, NULL);

    if (ok && parser.best.url_base && !*parser.best.url_base)
        g_clear_pointer(&parser.best.url_base, g_free);
    g_string_free(parser.text, TRUE);
    stile_upnp_service_clear(&parser.service);
    if (!ok) {
        g_set_error(error, STILE_ERROR, STILE_ERROR_INVALID_ARGUMENT,
                    "Malformed UPnP device description");
    } else if (!parser.best.type) {
        g_set_error(error, STILE_ERROR, STILE_ERROR_NOT_FOUND,
                    "The UPnP device has no service that maps ports");
        ok = FALSE;
    }
    if (ok)
        *ret = parser.best;
    else
        stile_upnp_service_clear(&parser.best);
    return ok;
}
