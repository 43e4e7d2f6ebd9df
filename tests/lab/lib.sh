# shellcheck shell=bash
# A small internet in network namespaces, for lab and desktop tests. Sourced, not run. Needs root.
#
#        host ── nat ──┐              ┌── nat ── host
#                      ├── internet ──┤                 internet: a router that also runs the servers,
#        host ── nat ──┘              └── host                    192.0.2.1 and 192.0.2.2
#
#   lab_begin                     names, directory, cleanup; call it first
#   lab_internet                  the middle
#   lab_nat NAME easy|hard [BEHIND]  a router with a public address, or one of the NAT that it is behind;
#                                 easy keeps ports (endpoint-independent mapping), hard picks a random one
#                                 per destination. NATs of every other kind, NAT64, IPv6, routers with
#                                 PCP and UPnP: lib-nat.sh
#   lab_host NAME NAT|internet    a machine behind NAT, or directly on the internet
#   lab_in NAME COMMAND…          runs in a namespace
#   lab_address NAME              its address: of a host its own, of a nat the public one
#   lab_broker                    mosquitto: 1883, 8883 with TLS ($LAB_DIR/tls/ca.pem); user stile/rendezvous
#                                 with `lab_broker password`
#   lab_turn [OPTION…]            coturn: STUN and TURN at 192.0.2.1:3478, user stile, password relay
#   lab_stile NAME                a system bus of its own on which stiled starts by activation
#   lab_ctl NAME ARGUMENT…        stilectl on that bus;  lab_busctl NAME …, the same for busctl
#   lab_stiled_pid NAME           of the running service
#   lab_cut A B, lab_mend         no UDP between two nats (or hosts); relays still work
#   wait_until SECONDS COMMAND…   polls, bounded; fails when the time is over
#
# Everything lives in namespaces named $LAB-…, and ends with the test, however it ends. A run that was
# killed with -9 is cleaned up by the next one.

LAB_ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
LAB_BASE=/tmp/stile-lab
# shellcheck source=tests/lab/lib-tap.sh
. "$LAB_ROOT/tests/lab/lib-tap.sh"
# shellcheck source=tests/lab/lib-nat.sh
. "$LAB_ROOT/tests/lab/lib-nat.sh"

# Where the built programs are: $STILE_BUILD, else what tests/check built, else a build in the tree.
lab_find_build() {
    local candidate
    for candidate in "${STILE_BUILD:-}" "$LAB_ROOT/build-check/gcc" "$LAB_ROOT"; do
        if [ -n "$candidate" ] && [ -x "$candidate/libtool" ]; then
            STILE_BUILD=$(cd "$candidate" && pwd)
            export STILE_BUILD
            return 0
        fi
    done
    echo "Bail out! nothing is built here: run tests/check build, or set STILE_BUILD"
    exit 99
}

lab_begin() {
    [ "$(id -u)" -eq 0 ] || tap_skip_all "needs root for network namespaces"
    lab_find_build
    lab_sweep
    LAB="sl$$"
    LAB_DIR="$LAB_BASE/$$"
    mkdir -p "$LAB_DIR/log"
    lab_own $$
    LAB_SITES=0
    LAB_NETS=0
    declare -gA LAB_ADDRESS=() LAB_GATEWAY=() LAB_LENGTH=() LAB_LANS=() LAB_MEMBERS=()
    lab_begin_nat
    trap lab_end EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM HUP
}

# Whose life the lab's is bound to.
lab_own() { # PID
    echo "$1 $(process_start "$1")" >"$LAB_DIR/owner"
}

# When a process started, in ticks since boot: with the pid, a name that is not used twice.
process_start() { # PID
    local stat
    stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 1
    stat=${stat##*) }
    cut -d' ' -f20 <<<"$stat"
}

lab_end() {
    local status=$?
    trap - EXIT INT TERM HUP
    lab_remove "$LAB" "$LAB_DIR"
    exit "$status"
}

# Kills what runs in the namespaces with a prefix, and removes them.
lab_remove() { # PREFIX DIR
    local name pids mount
    for name in $(ip netns list | awk -v prefix="$1-" 'index($1, prefix) == 1 { print $1 }'); do
        pids=$(ip netns pids "$name" 2>/dev/null) || pids=
        # shellcheck disable=SC2086
        [ -z "$pids" ] || kill -KILL $pids 2>/dev/null || :
        ip netns del "$name" 2>/dev/null || :
        rm -rf "/etc/netns/$name"
    done
    rmdir /etc/netns 2>/dev/null || :
    # Deepest first: an overlay of a desktop box lies on a tmpfs.
    for mount in $(awk -v dir="$2/" 'index($2, dir) == 1 { print $2 }' /proc/mounts | sort -r); do
        umount -l "$mount" 2>/dev/null || :
    done
    rm -rf --one-file-system "$2"
    rmdir "$LAB_BASE" 2>/dev/null || :
}

# Removes what runs that no longer live have left behind.
lab_sweep() {
    local dir pid start
    for dir in "$LAB_BASE"/*/; do
        [ -f "$dir/owner" ] || continue
        read -r pid start <"$dir/owner"
        [ "$(process_start "$pid")" = "$start" ] && continue
        lab_remove "sl$(basename "$dir")" "${dir%/}"
    done
}

# Lets the lab outlive this script, for as long as a process in it lives, or until lab_end_kept.
lab_keep() { # PID
    lab_own "$1"
    touch "$LAB_DIR/kept"
    trap - EXIT INT TERM HUP
}

lab_end_kept() {
    local mark dir
    for mark in "$LAB_BASE"/*/kept; do
        [ -e "$mark" ] || continue
        dir=$(dirname "$mark")
        lab_remove "sl$(basename "$dir")" "$dir"
    done
}

# What the servers and services said, for a test that failed.
lab_logs() {
    local log
    for log in "$LAB_DIR"/log/*; do
        [ -s "$log" ] || continue
        diag "--- ${log##*/}"
        tail -n "${LAB_LOG_LINES:-25}" "$log" | sed 's/^/#   /'
    done
}

wait_until() {
    local deadline
    deadline=$((${EPOCHREALTIME/[.,]/} + $1 * 1000000))
    shift
    until "$@" >/dev/null 2>&1; do
        if [ "${EPOCHREALTIME/[.,]/}" -ge "$deadline" ]; then
            echo "gave up waiting for: $*"
            "$@" || return 1
            return 0
        fi
        sleep 0.1
    done
}

lab_in() {
    local name=$1
    shift
    ip netns exec "$LAB-$name" "$@"
}

lab_address() {
    echo "${LAB_ADDRESS[$1]}"
}

lab_namespace() { # NAME
    ip netns add "$LAB-$1"
    ip -n "$LAB-$1" link set lo up
    # As desktops have it: loose reverse path filtering, and answers to pings.
    lab_in "$1" sysctl -qw net.ipv4.conf.all.rp_filter=2 net.ipv4.conf.default.rp_filter=2 \
        net.ipv4.ping_group_range='0 2147483647'
    mkdir -p "/etc/netns/$LAB-$1"
    printf '127.0.0.1 localhost\n::1 localhost\n192.0.2.1 broker.test\n192.0.2.2 turn.test\n' \
        >"/etc/netns/$LAB-$1/hosts"
    printf '# no name server in the lab\n' >"/etc/netns/$LAB-$1/resolv.conf"
}

lab_internet() {
    lab_namespace internet
    ip -n "$LAB-internet" address add 192.0.2.1/32 dev lo
    ip -n "$LAB-internet" address add 192.0.2.2/32 dev lo
    lab_in internet sysctl -qw net.ipv4.ip_forward=1
    lab_in internet nft -f - <<'RULES'
table inet cut {
    chain forward {
        type filter hook forward priority filter; policy accept;
    }
}
RULES
}

# What the other end of its wan is called; a device's name has 15 characters at most.
lab_link() { # NAME
    [ ${#1} -le 12 ] && echo "to-$1" || echo "to-${1:0:6}${1: -6}"
}

# Joins a namespace, by its device wan, to the internet with a public /30 of its own, or to the LAN of
# a router.
lab_attach() { # NAME BEHIND
    local name=$1 behind=$2 subnet link
    link=$(lab_link "$name")
    if [ "$behind" = internet ]; then
        subnet=$((LAB_SITES * 4))
        LAB_SITES=$((LAB_SITES + 1))
        LAB_ADDRESS[$name]=${LAB_PUBLIC:-198.51.100}.$((subnet + 2))
        LAB_GATEWAY[$name]=${LAB_PUBLIC:-198.51.100}.$((subnet + 1))
        LAB_LENGTH[$name]=30
        ip -n "$LAB-internet" link add "$link" type veth peer name wan netns "$LAB-$name"
        ip -n "$LAB-internet" address add "${LAB_GATEWAY[$name]}/30" dev "$link"
        ip -n "$LAB-internet" link set "$link" up
    else
        LAB_MEMBERS[$behind]=$((LAB_MEMBERS[$behind] + 1))
        LAB_ADDRESS[$name]=${LAB_LANS[$behind]}.$((9 + LAB_MEMBERS[$behind]))
        LAB_GATEWAY[$name]=${LAB_LANS[$behind]}.1
        LAB_LENGTH[$name]=24
        ip -n "$LAB-$behind" link add "$link" type veth peer name wan netns "$LAB-$name"
        ip -n "$LAB-$behind" link set "$link" master lan up
    fi
}

# The address and the way out on that device, under the name it is to have.
lab_configure() { # NAME DEVICE
    [ "$2" = wan ] || ip -n "$LAB-$1" link set wan name "$2"
    ip -n "$LAB-$1" address add "${LAB_ADDRESS[$1]}/${LAB_LENGTH[$1]}" dev "$2"
    ip -n "$LAB-$1" link set "$2" up
    ip -n "$LAB-$1" route add default via "${LAB_GATEWAY[$1]}"
}

# A router between wan and a bridge, lan, that does not translate yet.
lab_router() { # NAME BEHIND [LAN]
    local name=$1
    LAB_NETS=$((LAB_NETS + 1))
    lab_namespace "$name"
    lab_attach "$name" "$2"
    lab_configure "$name" wan
    LAB_LANS[$name]=${3:-192.168}.$((10 + LAB_NETS))
    LAB_MEMBERS[$name]=0
    lab_in "$name" sysctl -qw net.ipv4.ip_forward=1
    ip -n "$LAB-$name" link add lan type bridge
    ip -n "$LAB-$name" address add "${LAB_LANS[$name]}.1/24" dev lan
    ip -n "$LAB-$name" link set lan up
}

lab_nat() { # NAME easy|hard [BEHIND]
    local name=$1 how
    case $2 in
    easy) how=masquerade ;;
    hard) how='masquerade random' ;;
    *) echo "lab_nat: easy or hard, not $2" >&2 && return 1 ;;
    esac
    lab_router "$name" "${3:-internet}"
    # Unsolicited packets must not reach the router itself: a connection that it tracks for them would
    # make the next packet of ours to the same place leave from another port.
    lab_in "$name" nft -f - <<RULES
table ip nat {
    chain postrouting {
        type nat hook postrouting priority srcnat; policy accept;
        oifname "wan" $how
    }
}
table inet filter {
    chain input {
        type filter hook input priority filter; policy drop;
        iifname { "lan", "lo" } accept
        ct state established,related accept
    }
    chain forward {
        type filter hook forward priority filter; policy drop;
        iifname "lan" accept
        ct state established,related accept
    }
}
RULES
}

lab_host() { # NAME BEHIND
    lab_namespace "$1"
    lab_attach "$1" "$2"
    lab_configure "$1" eth0
    lab_host_ipv6 "$1" "$2"
}

lab_cut() { # A B
    lab_in internet nft -f - <<RULES
add rule inet cut forward iifname "$(lab_link "$1")" oifname "$(lab_link "$2")" meta l4proto udp drop
add rule inet cut forward iifname "$(lab_link "$2")" oifname "$(lab_link "$1")" meta l4proto udp drop
RULES
}

lab_mend() {
    lab_in internet nft flush chain inet cut forward
}

# Starts a program of the lab in the background; its output goes to the logs.
lab_spawn() { # NAMESPACE LOG COMMAND…
    local name=$1 log=$2
    shift 2
    # Not exec'd by this shell: `ip netns exec` keeps the pid through its own exec.
    ip netns exec "$LAB-$name" "$@" >>"$LAB_DIR/log/$log" 2>&1 </dev/null &
    LAB_PID=$!
    disown
}

lab_listens() { # NAMESPACE tcp|udp PORT
    lab_in "$1" ss -H -ln "--$2" "sport = :$3" | grep -q .
}

lab_certificates() {
    local dir=$LAB_DIR/tls
    [ -d "$dir" ] && return
    mkdir -p "$dir"
    {
        openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj '/CN=Stile lab' \
            -keyout "$dir/ca.key" -out "$dir/ca.pem"
        openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=broker.test \
            -keyout "$dir/broker.key" -out "$dir/broker.csr"
        openssl x509 -req -in "$dir/broker.csr" -CA "$dir/ca.pem" -CAkey "$dir/ca.key" -days 2 \
            -out "$dir/broker.pem" -extfile <(echo 'subjectAltName=DNS:broker.test,IP:192.0.2.1')
    } >"$LAB_DIR/log/openssl" 2>&1
}

lab_broker() { # [password]
    local config=$LAB_DIR/mosquitto.conf
    lab_certificates
    {
        printf 'user root\npersistence false\nlog_dest stderr\nlog_timestamp_format %%H:%%M:%%S\n'
        if [ "${1:-}" = password ]; then
            : >"$LAB_DIR/passwords"
            mosquitto_passwd -b "$LAB_DIR/passwords" stile rendezvous
            printf 'allow_anonymous false\npassword_file %s\n' "$LAB_DIR/passwords"
        else
            printf 'allow_anonymous true\n'
        fi
        printf 'listener 1883\nlistener 8883\ncertfile %s\nkeyfile %s\n' \
            "$LAB_DIR/tls/broker.pem" "$LAB_DIR/tls/broker.key"
    } >"$config"
    lab_spawn internet mosquitto mosquitto -c "$config"
    LAB_BROKER_PID=$LAB_PID
    wait_until 5 lab_listens internet tcp 8883
}

lab_turn() { # OPTION…
    lab_spawn internet turnserver turnserver -n --no-cli --no-tls --no-dtls --pidfile "$LAB_DIR/turn.pid" \
        --userdb "$LAB_DIR/turn.db" --log-file stdout --simple-log --fingerprint \
        --listening-ip 192.0.2.1 --listening-ip 192.0.2.2 --relay-ip 192.0.2.1 \
        --lt-cred-mech --realm stile.test --user stile:relay "$@"
    LAB_TURN_PID=$LAB_PID
    wait_until 5 lab_listens internet udp 3478
}

lab_program() { # stiled|stilectl
    local path
    for path in "$STILE_BUILD/dbus/$1" "$STILE_BUILD/$1"; do
        [ -x "$path" ] && echo "$path" && return
    done
    echo "Bail out! $1 is not built in $STILE_BUILD" >&2
    return 1
}

lab_bus() {
    echo "unix:path=$LAB_DIR/$1/bus"
}

lab_stile() { # NAME
    local dir=$LAB_DIR/$1 stiled
    stiled=$(lab_program stiled) || return 1
    mkdir -p "$dir/services" "$dir/state"
    cat >"$dir/services/net.stile.Stile1.service" <<SERVICE
[D-BUS Service]
Name=net.stile.Stile1
Exec=$stiled --state-dir $dir/state --verbose
SERVICE
    cat >"$dir/bus.conf" <<CONFIG
<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <listen>unix:path=$dir/bus</listen>
  <auth>EXTERNAL</auth>
  <servicedir>$dir/services</servicedir>
  <policy context="default">
    <allow user="*"/>
    <allow own="*"/>
    <allow send_destination="*"/>
    <allow receive_sender="*"/>
  </policy>
</busconfig>
CONFIG
    # /run of its own: nothing of the machine's services can be met there by accident.
    DBUS_SYSTEM_BUS_ADDRESS=$(lab_bus "$1") lab_spawn "$1" "$1" unshare --mount --propagation private \
        sh -c 'mount -t tmpfs tmpfs /run && exec "$@"' sh \
        dbus-daemon --config-file="$dir/bus.conf" --nofork --nopidfile --nosyslog
    wait_until 5 test -S "$dir/bus"
}

lab_ctl() {
    local name=$1 stilectl
    shift
    stilectl=$(lab_program stilectl)
    lab_in "$name" timeout "${LAB_CTL_TIMEOUT:-30}" "$stilectl" --bus "$(lab_bus "$name")" "$@"
}

lab_busctl() {
    local name=$1
    shift
    lab_in "$name" busctl --address="$(lab_bus "$name")" "$@"
}

lab_stiled_pid() {
    lab_busctl "$1" call org.freedesktop.DBus /org/freedesktop/DBus org.freedesktop.DBus \
        GetConnectionUnixProcessID s net.stile.Stile1 | cut -d' ' -f2
}
