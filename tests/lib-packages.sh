# shellcheck shell=bash
# Installing what tests need. Sourced, not run.
#
#   packages_missing FILE      which packages of a list are not installed
#   packages_install NAME…     installs them, and lets none of their daemons start

PACKAGES_POLICY=/usr/sbin/policy-rc.d

packages_missing() {
    sed 's/#.*//' "$1" | xargs -n1 | sort -u | while read -r package; do
        [ "$(dpkg-query -Wf '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || echo "$package"
    done
}

# No daemon is to start on this machine because a test needs its program.
packages_hold() {
    if [ -e "$PACKAGES_POLICY" ] && ! grep -q 'of Stile, for as long as' "$PACKAGES_POLICY"; then
        mv "$PACKAGES_POLICY" "$PACKAGES_POLICY.before-stile"
    fi
    printf '#!/bin/sh\n# by the tests of Stile, for as long as they install packages\nexit 101\n' >"$PACKAGES_POLICY"
    chmod 755 "$PACKAGES_POLICY"
}

packages_release() {
    if [ -e "$PACKAGES_POLICY" ] && grep -q 'of Stile, for as long as' "$PACKAGES_POLICY"; then
        rm -f "$PACKAGES_POLICY"
    fi
    [ ! -e "$PACKAGES_POLICY.before-stile" ] || mv "$PACKAGES_POLICY.before-stile" "$PACKAGES_POLICY"
}

packages_install() {
    local status=0
    packages_hold
    {
        DEBIAN_FRONTEND=noninteractive apt-get -q update &&
            DEBIAN_FRONTEND=noninteractive apt-get -q -y -o Dpkg::Use-Pty=0 install --no-install-recommends "$@"
    } || status=$?
    packages_release
    return "$status"
}
