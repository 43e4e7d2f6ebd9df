# shellcheck shell=bash
# Networks of real members, for the lab tests that are about them. Sourced after lib.sh, not run.
#
#   member_create HOST NETWORK OPTION…    makes a network there, with HOST as the member's name
#   member_join HOST FROM [NETWORK]       HOST becomes a member by an invitation of FROM; the file stays
#                                         as $LAB_DIR/HOST.stile
#   member_object HOST [NETWORK]          its object path there
#   member_ask HOST JQ                    what `stilectl status --json` says, through jq -r
#   members_end_well HOST…                the services end in order, and none has complained of itself
#   member_log HOST                       what the service there said
#   member_files HOST                     what is in its state directory, with sums
#   member_pings FROM TO [OPTION…]        members through the tunnel, by their names
#   member_memory HOST                    kilobytes of the service's own: code comes and goes (dbus/footprint.h)
#   member_port HOST                      its UDP port, once a peer is reached directly
#   member_ports HOST                     all of them
#   member_is_direct HOST PEER            whether it is reached directly
#   watch_stranger STRANGER HOST…         counts packets from hosts to a stranger, all on the internet, but for
#                                         the kernel's word that nobody listens at a port
#   answers_to_stranger                   how many there were
#   member_is_sanitized                   whether the build watches its own memory, so that sizes mean nothing

member_create() {
    local host=$1 network=$2
    shift 2
    lab_ctl "$host" network create "$network" --member "$host" "$@"
}

member_join() {
    lab_ctl "$2" invite "$1" --output "$LAB_DIR/$1.stile" ${3:+--network "$3"}
    lab_ctl "$1" join "$LAB_DIR/$1.stile"
}

member_ask() {
    lab_ctl "$1" status --json | jq -er "$2"
}

member_object() {
    lab_ctl "$1" list --json | jq -er --arg name "${2:-}" \
        '.networks[] | select($name == "" or .name == $name) | .object'
}

members_end_well() {
    local host pid status=0
    for host in "$@"; do
        pid=$(lab_stiled_pid "$host")
        kill "$pid"
        wait_until 30 test ! -e "/proc/$pid"
        # What GLib or, in a build with them, the sanitizers found, leaks at the end too.
        ! member_log "$host" | grep -aE -A30 'CRITICAL|WARNING|Sanitizer|runtime error:' || status=1
    done
    return "$status"
}

member_log() {
    cat "$LAB_DIR/log/$1"
}

member_files() {
    find "$LAB_DIR/$1/state" -type f -exec sha256sum {} + | sort -k2
}

member_address() { # HOST OF
    lab_ctl "$1" status --json | jq -er --arg name "$2" \
        '[.networks[].peers[] | select(.name == $name) | .addresses[0]][0] | sub("/.*"; "")'
}

member_pings() {
    local from=$1 to=$2
    shift 2
    [ $# -gt 0 ] || set -- -c 1 -W 1
    lab_in "$from" ping "$@" "$(member_address "$from" "$to")"
}

member_memory() {
    awk '$1 == "Anonymous:" { print $2 }' "/proc/$(lab_stiled_pid "$1")/smaps_rollup"
}

member_is_sanitized() {
    ldd "$(lab_program stiled)" | grep libasan >/dev/null
}

# The UDP port that tunnel and traversal share: where the direct ways to a peer begin.
member_port() { # HOST
    member_ask "$1" '[.networks[].peers[].paths[] | select(.kind == "direct") | .local | select(test("^[0-9.]+:[0-9]+$"))][0] | sub(".*:"; "")'
}

# All UDP ports of the service.
member_ports() { # HOST
    lab_in "$1" ss -H -4 -unlp | awk -v pid="pid=$(lab_stiled_pid "$1")," \
        'index($0, pid) { sub(/.*:/, "", $4); print $4 }'
}

member_is_direct() { # HOST PEER
    lab_ctl "$1" status --json | jq -e --arg name "$2" \
        '.networks[].peers[] | select(.name == $name) | .state == "direct"'
}

# Counts what goes from members to a stranger on the internet.
watch_stranger() { # STRANGER HOST…
    local stranger=$1 host
    shift
    {
        printf 'table inet watch {\n counter answers { }\n chain forward {\n'
        printf '  type filter hook forward priority -10; policy accept;\n'
        # That a port was closed meanwhile is the kernel's word; one of ours that is open never has it.
        printf '  icmp type destination-unreachable icmp code port-unreachable accept\n'
        for host in "$@"; do
            printf '  iifname "to-%s" oifname "to-%s" counter name answers\n' "$host" "$stranger"
        done
        printf ' }\n}\n'
    } | lab_in internet nft -f -
}

answers_to_stranger() {
    lab_in internet nft -j list counter inet watch answers | jq '.nftables[] | .counter? // empty | .packets'
}
