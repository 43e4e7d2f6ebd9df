/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/address.h"

G_BEGIN_DECLS

/* The actions of WANIPConnection:1 and :2 that we use, and what answers them. Pure. */

/* UPnP Device Architecture §3.2.2; WANIPConnection:1 §2.4.16, :2 §2.5.16 */
typedef enum {
    STILE_SOAP_OK = 0,
    STILE_SOAP_INVALID_ACTION = 401,
    STILE_SOAP_INVALID_ARGS = 402,
    STILE_SOAP_NOT_IMPLEMENTED = 602,
    STILE_SOAP_NOT_AUTHORIZED = 606,
    STILE_SOAP_CONFLICT = 718,
    STILE_SOAP_SAME_PORT_REQUIRED = 724,
    STILE_SOAP_ONLY_PERMANENT = 725,
    STILE_SOAP_NO_PORT_MAPS = 728,
    STILE_SOAP_CONFLICT_WITH_OTHER = 729,
} StileSoapError;

/**
 * StileSoapReply:
 * @error: of %StileSoapError, or another number; 0 for success
 * @external: without port; unset when the reply has none
 * @reserved_port: 0 when the reply has none
 * @client, @external_port: of a GetGenericPortMappingEntry; @client has the internal port; unset,
 *   and 0, when the reply has none
 * @is_ours: that entry is for UDP, and has our name and no end
 */
typedef struct {
    guint error;
    StileAddress external;
    guint16 reserved_port;
    StileAddress client;
    guint16 external_port;
    gboolean is_ours;
} StileSoapReply;

/**
 * stile_soap_build:
 * @server, @path: of the control URL
 * @type: the service's
 * @arguments: (nullable): elements
 *
 * Returns: (transfer full): the whole HTTP request
 */
char *stile_soap_build(const StileAddress *server, const char *path, const char *type,
                       const char *action, const char *arguments);
/**
 * stile_soap_add_arguments:
 * @lease: seconds; 0 is for ever in version 1
 *
 * Of AddPortMapping and AddAnyPortMapping, for UDP. Returns: (transfer full)
 */
char *stile_soap_add_arguments(const StileAddress *internal, guint16 external_port, guint32 lease);
/** Of DeletePortMapping, for UDP. Returns: (transfer full) */
char *stile_soap_delete_arguments(guint16 external_port);

/** Of GetGenericPortMappingEntry. Returns: (transfer full) */
char *stile_soap_entry_arguments(guint index);

/** @status: of HTTP. Errors: %STILE_ERROR_INVALID_ARGUMENT */
gboolean stile_soap_parse(StileSoapReply *ret, guint status, const char *data, gsize size,
                          GError **error);

G_END_DECLS
