#!/bin/sh
# Make the configure script from a git checkout. Run ./configure afterwards, or let this do it:
# arguments are handed on to configure; NOCONFIGURE=1 stops before it.
set -e
srcdir=$(dirname "$0")
(cd "$srcdir" && autoreconf --force --install --warnings=all,no-obsolete)
[ -n "$NOCONFIGURE" ] || exec "$srcdir/configure" "$@"
