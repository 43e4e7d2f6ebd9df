/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/** What stilectl ends with; also the codes of #CTL_ERROR. */
typedef enum {
    CTL_DONE = 0,
    CTL_FAILED = 1,     /* refused, or failed */
    CTL_USAGE = 2,      /* wrong usage */
    CTL_NO_SERVICE = 3, /* the service, or the bus, is not reachable */
    CTL_TIMED_OUT = 4,
} CtlStatus;

#define CTL_ERROR (ctl_error_quark())
GQuark ctl_error_quark(void);

typedef struct _Ctl Ctl;

/** One command, `network create`, in the file that has its run(). */
typedef struct {
    const char *name;
    const char *arguments; /* (nullable): as in the usage line, translatable */
    const char *summary;   /* translatable */
    const char *examples;  /* lines to type */
    int n_least, n_most;   /* of arguments */
    const GOptionEntry *options;
    /** Returns: %FALSE with an error of any domain; ctl_status() makes a status of it */
    gboolean (*run)(Ctl *ctl, char **arguments, GError **error);
} CtlCommand;

/** What all commands share. */
struct _Ctl {
    char *address; /* (nullable): --bus; the system bus otherwise */
    gboolean json;
    gboolean colour;
    gboolean told;        /* what went wrong stands in the output already */
    GDBusConnection *bus; /* connected by the first call */
};

/** Calls the service, for @timeout_ms at most. Returns: (transfer full): the answer, a tuple */
GVariant *ctl_call(Ctl *ctl, const char *path, const char *interface, const char *method,
                   GVariant *parameters, int timeout_ms, GError **error);
/** Connects, if that was not done yet. */
gboolean ctl_connect(Ctl *ctl, GError **error);
/** Long enough for all that the service does at once. */
#define CTL_TIMEOUT_MS 30000

/** Which status @error means. */
CtlStatus ctl_status(const GError *error);
/** Returns: (transfer full): its name in a word, for programs: `NotFound` */
char *ctl_error_name(const GError *error);

G_END_DECLS
