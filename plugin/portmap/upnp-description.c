/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "portmap/upnp-description.h"

#include "base/error.h"
#include "portmap/markup.h"

#include <string.h>

#define MAX_DEPTH 32
#define MAX_TEXT  1024

typedef struct {
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

static void
on_start(gpointer user_data, const char *name, guint depth)
{
    Parser *parser = user_data;

    if (!parser->service_depth && strcmp(name, "service") == 0)
        parser->service_depth = depth;
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
keep(char **field, const char *text)
{
    if (!*field)
        *field = g_strdup(text);
}

static void
on_end(gpointer user_data, const char *name, guint depth, const char *text)
{
    Parser *parser = user_data;

    if (parser->service_depth == depth)
        end_service(parser);
    else if (parser->service_depth && strcmp(name, "serviceType") == 0)
        keep(&parser->service.type, text);
    else if (parser->service_depth && strcmp(name, "controlURL") == 0)
        keep(&parser->service.control_url, text);
    else if (depth == 2 && strcmp(name, "URLBase") == 0)
        keep(&parser->best.url_base, text);
}

gboolean
stile_upnp_description_parse(StileUpnpService *ret, const char *data, gsize size, GError **error)
{
    static const StileMarkupCalls calls = {
        .max_depth = MAX_DEPTH, .max_text = MAX_TEXT, .start = on_start, .end = on_end};
    Parser parser = {0};
    gboolean ok = stile_markup_read(&calls, &parser, data, size);

    if (ok && parser.best.url_base && !*parser.best.url_base)
        g_clear_pointer(&parser.best.url_base, g_free);
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
