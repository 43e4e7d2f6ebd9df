# shellcheck shell=bash
# Desktops in boxes: each with its own system bus, polkit and real NetworkManager behind a NAT of the
# lab, and with the product installed by `make install` in a private copy of the machine's root.
# Sourced, not run; brings tests/lab/lib.sh with it.
#
#   box_start NAME NAT        a box, up and with its network
#   box_in NAME COMMAND…      runs in it as root;  box_as_user the same as the user "desktop"
#   box_put NAME PATH         writes stdin to a file in it
#   box_stiled_pid NAME       as seen inside of it; fails when stiled does not run
#
# Never run apt while a box runs: its root is an overlay over the machine's.
# shellcheck source=tests/lab/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lab/lib.sh"

BOX_PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
declare -A BOX_PID=()

# Installs the build once per run; the boxes take copies.
box_stage() {
    BOX_STAGE=$LAB_DIR/stage
    [ -d "$BOX_STAGE" ] && return
    mkdir -p "$BOX_STAGE"
    make -C "$STILE_BUILD" install DESTDIR="$BOX_STAGE" >"$LAB_DIR/log/make-install" 2>&1
}

box_start() { # NAME NAT
    local name=$1 outer
    box_stage
    lab_host "$name" "$2"
    # NetworkManager configures the device, from its profile.
    ip -n "$LAB-$name" address flush dev eth0
    ip -n "$LAB-$name" link set eth0 down
    lab_spawn "$name" "box-$name" unshare --mount --pid --uts --ipc --fork --kill-child=KILL \
        "$LAB_ROOT/tests/desktop/box" "$name" "$LAB_DIR/box-$name" "$BOX_STAGE" \
        "$(lab_address "$name")/24" "${LAB_LANS[$2]}.1"
    outer=$LAB_PID
    wait_until 5 box_find_pid "$outer"
    BOX_PID[$name]=$(box_find_pid "$outer")
    wait_until 15 box_ready "$name"
}

# The box's first process: the only child of unshare.
box_find_pid() { # OUTER-PID
    local child
    read -r child _ <"/proc/$1/task/$1/children"
    [ -n "$child" ] && echo "$child"
}

box_in() {
    local name=$1
    shift
    nsenter -t "${BOX_PID[$name]}" --all --root --wdns=/root \
        env -i PATH="$BOX_PATH" HOME=/root LANG=C.UTF-8 "$@"
}

box_as_user() {
    local name=$1
    shift
    nsenter -t "${BOX_PID[$name]}" --all --root --wdns=/home/desktop --setuid 1900 --setgid 1900 \
        env -i PATH="$BOX_PATH" HOME=/home/desktop USER=desktop LANG=C.UTF-8 "$@"
}

# NetworkManager runs and has activated the wired profile: there is a default route.
box_ready() {
    [ "$(box_in "$1" nmcli -g GENERAL.STATE connection show Wired)" = activated ]
}

box_put() { # NAME PATH
    box_in "$1" sh -c 'umask 077 && cat >"$1"' sh "$2"
}

box_stiled_pid() {
    box_in "$1" busctl --system call org.freedesktop.DBus /org/freedesktop/DBus org.freedesktop.DBus \
        GetConnectionUnixProcessID s net.stile.Stile1 | cut -d' ' -f2
}
