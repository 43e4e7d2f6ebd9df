# shellcheck shell=bash
# Avahi on the hosts of the lab. Sourced after lib.sh, not run.
#
#   lan_avahi NAME                the real avahi-daemon there, on the bus of lab_stile NAME
#   lan_avahi_stop NAME           ends it
#   lan_avahi_up NAME             whether it has its name on that bus

declare -gA LAN_AVAHI=()

lan_avahi() { # NAME
    local name=$1 config=$LAB_DIR/$1/avahi.conf
    cat >"$config" <<CONFIG
[server]
host-name=$name
use-ipv4=yes
use-ipv6=yes
enable-dbus=yes
[wide-area]
enable-wide-area=no
[publish]
publish-hinfo=no
publish-workstation=no
CONFIG
    # It writes to /run, always to the same place: one of its own, as the bus has.
    DBUS_SYSTEM_BUS_ADDRESS=$(lab_bus "$name") lab_spawn "$name" "$name-avahi" \
        unshare --mount --propagation private sh -c \
        'mount -t tmpfs tmpfs /run && exec "$@"' sh \
        avahi-daemon --file "$config" --no-drop-root --no-chroot --no-rlimits --no-proc-title
    LAN_AVAHI[$name]=$LAB_PID
    wait_until 20 lan_avahi_up "$name"
}

lan_avahi_up() { # NAME
    lab_busctl "$1" call org.freedesktop.DBus /org/freedesktop/DBus org.freedesktop.DBus \
        NameHasOwner s org.freedesktop.Avahi | grep -q true
}

lan_avahi_is_down() {
    ! lan_avahi_up "$1"
}

lan_avahi_stop() { # NAME
    kill "${LAN_AVAHI[$1]}"
    wait_until 20 lan_avahi_is_down "$1"
}
