# shellcheck shell=bash
# How each tunnel of the bench is set up between the hosts a (10.86.0.1) and b (10.86.0.2), each behind
# a NAT that forwards port 51820. Sourced by tests/bench/run. Each keeps its own defaults: the MTU, the
# cipher, the number of threads.
#
#   tunnel_NAME     starts both ends, PID_A and PID_B; fails when they cannot be started
#   settled_NAME    (where there is one) returns when the tunnel is as it will stay, after the first ping
#   tunnel_keys     keys and certificates for all of them, once

PORT=51820

tunnel_keys() {
    local name
    (
        umask 077
        for name in a b; do
            wg genkey >"$LAB_DIR/$name.key"
            wg pubkey <"$LAB_DIR/$name.key" >"$LAB_DIR/$name.pub"
        done
    )
}

public() { # a|b: where the other end sends to
    lab_address "nat$1"
}

inner() { # a|b
    if [ "$1" = a ]; then echo 10.86.0.1; else echo 10.86.0.2; fi
}

other() { # a|b
    if [ "$1" = a ]; then echo b; else echo a; fi
}

device_up() { # a|b DEVICE [MTU]
    ip -n "$LAB-$1" address add "$(inner "$1")/24" dev "$2"
    ip -n "$LAB-$1" link set "$2" up ${3:+mtu "$3"}
}

# One end after the other; the pid of each is where the loops of tests/bench/run look for it.
both_ends() { # FUNCTION ARGUMENT…
    local function=$1
    shift
    LAB_PID=
    "$function" a "$@" || return 1
    PID_A=$LAB_PID
    "$function" b "$@" || return 1
    PID_B=$LAB_PID
}

device_is_there() { # a|b DEVICE
    ip -n "$LAB-$1" link show dev "$2"
}

# --- Stile's data plane, with and without crypto

stile_end() { # a|b PROGRAM OPTION…
    lab_spawn "$1" "stile-$1" "$2" "${@:3}" --tun bench --listen "$PORT" \
        --private-key "$LAB_DIR/$1.key" --peer "$(cat "$LAB_DIR/$(other "$1").pub")" \
        --allowed "$(inner "$(other "$1")")/32" --endpoint "$(public "$(other "$1")"):$PORT"
    wait_until 5 device_is_there "$1" bench && device_up "$1" bench 1420
}

tunnel_stile() {
    both_ends stile_end "$STILE_BUILD/tests/lab/wg-peer"
}

tunnel_plain() {
    both_ends stile_end "$STILE_BUILD/tests/bench/wg-peer-plain"
}

# An older build of the same, to see what a change gives.
tunnel_before() {
    both_ends stile_end "$BEFORE"
}

# As tunnel_stile, but a has a thousand more peers, each with a session.
tunnel_crowd() {
    local ready=$LAB_DIR/log/crowd input=$LAB_DIR/crowd-input
    rm -f "$ready" "$input"
    mkfifo "$input"
    lab_in b "$STILE_BUILD/tests/bench/crowd" 1000 "$LAB_DIR/crowd" "$(public a):$PORT" \
        <>"$input" >"$ready" 2>&1 &
    disown
    wait_until 10 grep -q keys "$ready" || return 1
    both_ends crowd_end "$STILE_BUILD/tests/lab/wg-peer" || return 1
    cat "$LAB_DIR/a.pub" >"$input"
    wait_until 60 grep -q sessions "$ready"
}

crowd_end() { # a|b PROGRAM
    if [ "$1" = a ]; then stile_end "$@" --peers "$LAB_DIR/crowd"; else stile_end "$@"; fi
}

# The whole service, as it starts on a machine that is a member: it asks the broker and a STUN server,
# and finds its way through both NATs by itself.
service_world() {
    lab_broker
    lab_turn
    lab_stile a
    lab_stile b
    lab_ctl a network create home --member a --rendezvous mqtt://192.0.2.1 --stun 192.0.2.1
    lab_ctl a invite b --output "$LAB_DIR/b.stile"
    lab_ctl b join "$LAB_DIR/b.stile"
    # Remembered: from now on they come up when they start.
    lab_ctl a up home
    lab_ctl b up home
    wait_until 20 settled_service || return 1
    stop
}

service_end() { # a|b
    rm -f "$LAB_DIR/$1/bus"
    lab_stile "$1"
    lab_busctl "$1" call org.freedesktop.DBus /org/freedesktop/DBus org.freedesktop.DBus StartServiceByName \
        su net.stile.Stile1 0
    LAB_PID=$(lab_stiled_pid "$1")
}

tunnel_service() {
    if [ ! -d "$LAB_DIR/a/state" ]; then service_world || return 1; fi
    # Making the network is no part of what is measured.
    STARTED=$EPOCHREALTIME
    both_ends service_end
}

settled_service() {
    wait_until 20 service_is_direct a && wait_until 20 service_is_direct b
}

service_is_direct() { # a|b
    [ "$(lab_ctl "$1" status --json | jq -r '.networks[0].peers[0].state')" = direct ]
}

# --- no tunnel

tunnel_none() {
    PID_A='' PID_B=''
}

# --- others, from Debian

# Its control socket is named after the device, in a directory that namespaces share.
wireguard_go_end() {
    local device=wgb$1$$
    LOG_LEVEL=error lab_spawn "$1" "wireguard-go-$1" wireguard-go --foreground "$device"
    wait_until 5 lab_in "$1" wg show "$device" &&
        lab_in "$1" wg set "$device" private-key "$LAB_DIR/$1.key" listen-port "$PORT" \
            peer "$(cat "$LAB_DIR/$(other "$1").pub")" allowed-ips "$(inner "$(other "$1")")/32" \
            endpoint "$(public "$(other "$1")"):$PORT" &&
        device_up "$1" "$device" 1420
}

tunnel_wireguard_go() {
    both_ends wireguard_go_end
}

# b is a's lighthouse.
nebula_end() {
    local dir=$LAB_DIR/nebula lighthouse=false hosts='"10.86.0.2"'
    if [ "$1" = b ]; then lighthouse=true hosts=; fi
    if [ ! -e "$dir/ca.crt" ]; then
        mkdir -p "$dir"
        nebula-cert ca -name bench -out-crt "$dir/ca.crt" -out-key "$dir/ca.key"
    fi
    [ -e "$dir/$1.crt" ] || nebula-cert sign -ca-crt "$dir/ca.crt" -ca-key "$dir/ca.key" -name "$1" \
        -ip "$(inner "$1")/24" -out-crt "$dir/$1.crt" -out-key "$dir/$1.key"
    cat >"$dir/$1.yml" <<CONFIG
pki: { ca: $dir/ca.crt, cert: $dir/$1.crt, key: $dir/$1.key }
static_host_map: { "10.86.0.2": ["$(public b):$PORT"] }
lighthouse: { am_lighthouse: $lighthouse, hosts: [$hosts] }
listen: { host: 0.0.0.0, port: $PORT }
tun: { dev: bench }
logging: { level: error }
firewall:
  outbound: [{ port: any, proto: any, host: any }]
  inbound: [{ port: any, proto: any, host: any }]
CONFIG
    lab_spawn "$1" "nebula-$1" nebula -config "$dir/$1.yml"
}

tunnel_nebula() {
    both_ends nebula_end
}

tinc_end() {
    local dir=$LAB_DIR/tinc-$1 name
    if [ ! -e "$dir/tinc.conf" ]; then
        for name in a b; do
            mkdir -p "$LAB_DIR/tinc-$name/hosts"
            printf 'Name = %s\nConnectTo = %s\nInterface = bench\nDeviceType = tun\n' \
                "$name" "$(other "$name")" >"$LAB_DIR/tinc-$name/tinc.conf"
            printf 'Address = %s\nPort = %s\nSubnet = %s/32\n' "$(public "$name")" "$PORT" "$(inner "$name")" \
                >"$LAB_DIR/tinc-$name/hosts/$name"
            tincd -c "$LAB_DIR/tinc-$name" -K2048 </dev/null 2>/dev/null
        done
        cp "$LAB_DIR/tinc-a/hosts/a" "$LAB_DIR/tinc-b/hosts/"
        cp "$LAB_DIR/tinc-b/hosts/b" "$LAB_DIR/tinc-a/hosts/"
    fi
    lab_spawn "$1" "tinc-$1" tincd -c "$dir" -D --pidfile="$dir/pid"
    wait_until 5 device_is_there "$1" bench && device_up "$1" bench
}

tunnel_tinc() {
    both_ends tinc_end
}

# The ends find each other by a supernode.
n2n_end() {
    lab_spawn "$1" "n2n-$1" edge -d bench -a "$(inner "$1")" -c bench -k bench -p "$PORT" -l 192.0.2.1:7654
    wait_until 5 device_is_there "$1" bench
}

tunnel_n2n() {
    lab_listens internet udp 7654 || lab_spawn internet supernode supernode -l 7654
    wait_until 5 lab_listens internet udp 7654 && both_ends n2n_end
}

fastd_end() {
    local dir=$LAB_DIR/fastd name
    if [ ! -d "$dir" ]; then
        mkdir -p "$dir"
        for name in a b; do
            fastd --generate-key >"$dir/$name" 2>/dev/null
        done
    fi
    cat >"$dir/$1.conf" <<CONFIG
interface "bench";
mode tun;
method "salsa2012+umac";
mtu 1400;
bind any:$PORT;
secret "$(awk '/Secret/ { print $2 }' "$dir/$1")";
peer "$(other "$1")" {
    key "$(awk '/Public/ { print $2 }' "$dir/$(other "$1")")";
    remote ipv4 "$(public "$(other "$1")")" port $PORT;
}
CONFIG
    lab_spawn "$1" "fastd-$1" fastd --config "$dir/$1.conf" --log-level warn
    wait_until 5 device_is_there "$1" bench && device_up "$1" bench
}

tunnel_fastd() {
    both_ends fastd_end
}

openvpn_end() {
    local dir=$LAB_DIR/openvpn role=tls-client name
    [ "$1" = a ] || role=tls-server
    if [ ! -d "$dir" ]; then
        mkdir -p "$dir"
        for name in a b; do
            openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj "/CN=$name" \
                -keyout "$dir/$name.key" -out "$dir/$name.pem" 2>/dev/null
        done
    fi
    lab_spawn "$1" "openvpn-$1" openvpn --dev bench --dev-type tun "--$role" --dh none \
        --cert "$dir/$1.pem" --key "$dir/$1.key" --lport "$PORT" --remote "$(public "$(other "$1")")" "$PORT" udp4 \
        --peer-fingerprint "$(openssl x509 -in "$dir/$(other "$1").pem" -noout -fingerprint -sha256 | cut -d= -f2)" \
        --ifconfig "$(inner "$1")" "$(inner "$(other "$1")")" --verb 1
}

tunnel_openvpn() {
    both_ends openvpn_end
}
