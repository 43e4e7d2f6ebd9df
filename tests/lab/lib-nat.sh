# shellcheck shell=bash
# Everything that can stand between a host and the internet, for lib.sh, which sources this.
#
#   lab_natbox NAME [--behind ROUTER] [--pool N] [--lan 100.64] OPTIONS…
#                              a router whose NAT is natbox (natbox --help); --pool: so many public
#                              addresses instead of one; --lan: the first half of its LAN's addresses
#   lab_natbox_ctl NAME …      tells it what to do (natbox-control.h): reboot, mappings, loss-out 0.1 …
#   lab_natbox_renumber NAME   a new public address, as after a night at some providers; prints it
#   lab_chain HOST OPTIONS [-- OPTIONS]…   a host behind a chain of natboxes, the outermost first; they
#                              are called HOST-nat1, HOST-nat2 …
#   lab_cgnat NAME HOMES OPTIONS [-- OPTIONS]  a carrier's NAT, and behind it so many homes: NAME-homeN,
#                              each with a natbox of the second OPTIONS and a host NAME-hostN
#   lab_igd NAME easy|hard pcp|peer|pmp|upnp|all [--behind ROUTER] [--ipv6] [--pinholes]
#                              a kernel NAT with the real miniupnpd: PCP (and NAT-PMP), PCP without its
#                              opcode MAP, NAT-PMP alone, UPnP;
#                              --ipv6: with IPv6 as by lab_ipv6; --pinholes: it maps no port of IPv4
#   lab_ipv6 NAME              IPv6 for a router of the internet (stateful firewall: nothing unsolicited
#                              comes in) and for the hosts added to it later; or for a host of the internet
#   lab_address6 NAME          its IPv6 address
#   lab_sink                   packets to addresses that nobody has vanish, as on the real internet; without
#                              it the sender is told, and coturn gives up an allocation that was used so
#   lab_nat64 NAME [PREFIX]    a router with an IPv6-only LAN: tayga, and unbound for DNS64; PREFIX of any of
#                              RFC 6052's lengths, 2001:db8:64::/96 without it. By the well-known prefix
#                              tayga reaches no addresses for documentation, which the servers of the lab
#                              have, only hosts made with LAB_PUBLIC=11.0.0. Hosts behind it have no IPv4

lab_begin_nat() {
    declare -gA LAB_LANS6=() LAB_ADDRESS6=() LAB_NAT64=() LAB_IGD6=()
}

lab_natbox_program() {
    [ -x "$STILE_BUILD/tests/lab/natbox" ] || make -s -C "$STILE_BUILD" tests/lab/natbox >&2
    echo "$STILE_BUILD/tests/lab/natbox"
}

lab_natbox() {
    local name=$1 behind=internet pool=1 lan=192.168 addresses natbox device
    shift
    while :; do
        case ${1:-} in
        --behind) behind=$2 ;;
        --pool) pool=$2 ;;
        --lan) lan=$2 ;;
        *) break ;;
        esac
        shift 2
    done
    natbox=$(lab_natbox_program)
    lab_router "$name" "$behind" "$lan"
    addresses=${LAB_ADDRESS[$name]}
    lab_spawn "$name" "$name.natbox" "$natbox" --inside natin --outside natout \
        --control "$LAB_DIR/$name.natbox" --address "$addresses" "$@"
    wait_until 5 grep -qx ready "$LAB_DIR/log/$name.natbox"
    LAB_NATBOX_PID=$LAB_PID
    # From the LAN to natbox, and to it what comes for its addresses, which are none of the kernel's:
    # it only answers for them when asked by ARP, and at once.
    lab_in "$name" sysctl -qw net.ipv4.conf.wan.proxy_arp=1 net.ipv4.neigh.wan.proxy_delay=0 \
        net.ipv4.icmp_ratelimit=0
    for device in natin natout; do
        lab_in "$name" sysctl -qw "net.ipv6.conf.$device.disable_ipv6=1"
    done
    ip -n "$LAB-$name" rule add iif lan lookup 100 pref 100
    ip -n "$LAB-$name" route add default dev natin table 100
    ip -n "$LAB-$name" route del local "$addresses" dev wan table local
    ip -n "$LAB-$name" route add "$addresses" dev natout
    if [ "$pool" -gt 1 ]; then
        while [ "$pool" -gt 1 ]; do
            addresses+=,$(lab_spare_address "$name")
            pool=$((pool - 1))
        done
        lab_natbox_ctl "$name" address "$addresses"
    fi
}

# A public address more, whose packets come to a natbox of the internet: the first that nobody has.
lab_spare_address() { # NAME
    local number=1 address
    while address=203.0.113.$number && [ -n "$(ip -n "$LAB-internet" route show "$address")" ]; do
        number=$((number + 1))
    done
    ip -n "$LAB-internet" route add "$address" via "${LAB_ADDRESS[$1]}" dev "$(lab_link "$1")" onlink
    ip -n "$LAB-$1" route add "$address" dev natout
    echo "$address"
}

lab_natbox_ctl() {
    local name=$1
    shift
    lab_in "$name" "$(lab_natbox_program)" ctl "$LAB_DIR/$name.natbox" "$@"
}

lab_natbox_renumber() {
    local address
    address=$(lab_spare_address "$1")
    lab_natbox_ctl "$1" address "$address"
    echo "$address"
}

lab_chain() {
    local host=$1 behind=internet number=1 options=()
    shift
    while :; do
        if [ $# -gt 0 ] && [ "$1" != -- ]; then
            options+=("$1")
            shift
            continue
        fi
        lab_natbox "$host-nat$number" --behind "$behind" "${options[@]}"
        behind=$host-nat$number
        number=$((number + 1))
        options=()
        [ $# -gt 0 ] || break
        shift
    done
    lab_host "$host" "$behind"
}

lab_cgnat() {
    local name=$1 homes=$2 carrier=() i
    shift 2
    while [ $# -gt 0 ] && [ "$1" != -- ]; do
        carrier+=("$1")
        shift
    done
    [ $# -eq 0 ] || shift
    lab_natbox "$name" --lan 100.64 "${carrier[@]}"
    for ((i = 1; i <= homes; i++)); do
        lab_natbox "$name-home$i" --behind "$name" "$@"
        lab_host "$name-host$i" "$name-home$i"
    done
}

lab_sink() {
    ip -n "$LAB-internet" link add sink type veth peer name drain
    ip -n "$LAB-internet" link set sink arp off up
    ip -n "$LAB-internet" link set drain arp off up
    ip -n "$LAB-internet" route add default dev sink
}

# --- routers that open ports when asked

lab_igd() {
    local name=$1 how pmp=yes upnp=yes behind=internet ipv6= pinholes= config=$LAB_DIR/$1.miniupnpd
    case $2 in
    easy) how=masquerade ;;
    hard) how='masquerade random' ;;
    *) echo "lab_igd: easy or hard, not $2" >&2 && return 1 ;;
    esac
    case $3 in
    pcp | peer | pmp) upnp=no ;;
    upnp) pmp=no ;;
    all) ;;
    *) echo "lab_igd: pcp, peer, pmp, upnp or all, not $3" >&2 && return 1 ;;
    esac
    local protocol=$3
    shift 3
    while [ $# -gt 0 ]; do
        case $1 in
        --behind) behind=$2 && shift ;;
        --ipv6) ipv6=yes ;;
        --pinholes) pinholes=yes ;;
        *) echo "lab_igd: not $1" >&2 && return 1 ;;
        esac
        shift
    done
    # miniupnpd maps nothing on an address of a network for documentation.
    LAB_PUBLIC=11.0.0 lab_router "$name" "$behind"
    lab_in "$name" nft -f - <<RULES
table inet miniupnpd {
    chain input {
        type filter hook input priority filter; policy drop;
        iifname { "lan", "lo" } accept
        ct state established,related accept
        meta l4proto ipv6-icmp accept
    }
    chain forward {
        type filter hook forward priority filter; policy drop;
        ct state established,related accept
        iifname "lan" accept
        jump miniupnpd
    }
    chain prerouting {
        type nat hook prerouting priority dstnat; policy accept;
        jump prerouting_miniupnpd
    }
    chain postrouting {
        type nat hook postrouting priority srcnat; policy accept;
        jump postrouting_miniupnpd
        oifname "wan" meta nfproto ipv4 $how
    }
    chain miniupnpd { }
    chain prerouting_miniupnpd { }
    chain postrouting_miniupnpd { }
}
RULES
    # It cannot be told to leave PCP out: version 2 in the first byte does not get to it.
    if [ "$protocol" = pmp ]; then
        lab_in "$name" nft insert rule inet miniupnpd input udp dport 5351 @th,64,8 2 drop
    elif [ "$protocol" = peer ]; then
        lab_in "$name" nft insert rule inet miniupnpd input udp dport 5351 @th,64,8 0 drop
        lab_in "$name" nft insert rule inet miniupnpd input udp dport 5351 @th,64,16 0x0201 drop
    fi
    # Told to allow none, it would look for one that is allowed, of all ports.
    if [ -n "$pinholes" ]; then
        lab_in "$name" nft insert rule inet miniupnpd input meta nfproto ipv4 udp dport 5351 drop
    fi
    if [ -n "$ipv6" ]; then
        LAB_IGD6[$name]=yes
        lab_ipv6 "$name"
    fi
    cat >"$config" <<CONFIG
ext_ifname=wan
listening_ip=lan
enable_natpmp=$pmp
enable_upnp=$upnp
upnp_table_name=miniupnpd
upnp_nat_table_name=miniupnpd
secure_mode=yes
notify_interval=30
uuid=7f4f0b0a-3a5d-4f3e-9a68-$(printf '%012d' "$LAB_NETS")
allow 1024-65535 ${LAB_LANS[$name]}.0/24 1024-65535
deny 0-65535 0.0.0.0/0 0-65535
CONFIG
    # SSDP's group on the LAN side.
    ip -n "$LAB-$name" route add 239.0.0.0/8 dev lan
    lab_spawn "$name" "$name.miniupnpd" miniupnpd -d -f "$config" -P "$LAB_DIR/$name.miniupnpd.pid"
    if [ "$pmp" = yes ]; then
        wait_until 5 lab_listens "$name" udp 5351
    else
        wait_until 5 lab_listens "$name" udp 1900
    fi
}

# --- IPv6

lab_address6() {
    echo "${LAB_ADDRESS6[$1]}"
}

# The internet speaks IPv6 from the first time that somebody wants it.
lab_internet_ipv6() {
    [ -z "$(ip -n "$LAB-internet" -6 address show to 2001:db8::1)" ] || return 0
    ip -n "$LAB-internet" address add 2001:db8::1/128 dev lo
    ip -n "$LAB-internet" address add 2001:db8::2/128 dev lo
    lab_in internet sysctl -qw net.ipv6.conf.all.forwarding=1
}

lab_ipv6() {
    local name=$1 device=wan link lan
    # The number in its IPv4 address is one that no other has.
    link=2001:db8:ffff:${LAB_ADDRESS[$name]##*.}
    lab_internet_ipv6
    [ -n "${LAB_LANS[$name]:-}" ] || device=eth0
    ip -n "$LAB-internet" address add "$link::1/64" dev "$(lab_link "$name")" nodad
    ip -n "$LAB-$name" address add "$link::2/64" dev "$device" nodad
    ip -n "$LAB-$name" route add default via "$link::1" dev "$device"
    LAB_ADDRESS6[$name]=$link::2
    printf '2001:db8::1 broker6.test\n2001:db8::2 turn6.test\n' >>"/etc/netns/$LAB-$name/hosts"
    [ "$device" = wan ] || return 0
    lan=2001:db8:${LAB_ADDRESS[$name]##*.}
    LAB_LANS6[$name]=$lan
    ip -n "$LAB-internet" route add "$lan::/64" via "$link::2"
    ip -n "$LAB-$name" address add "$lan::1/64" dev lan nodad
    lab_in "$name" sysctl -qw net.ipv6.conf.all.forwarding=1
    # miniupnpd's own firewall speaks IPv6, too: two would have to agree.
    [ -z "${LAB_IGD6[$name]:-}" ] || return 0
    lab_in "$name" nft -f - <<'RULES'
table ip6 firewall {
    chain forward {
        type filter hook forward priority filter; policy drop;
        iifname "lan" accept
        ct state established,related accept
    }
}
RULES
}

# For a host that was just joined to a router which has IPv6.
lab_host_ipv6() { # NAME BEHIND
    local name=$1 lan=${LAB_LANS6[$2]:-}
    [ -n "$lan" ] || return 0
    LAB_ADDRESS6[$name]=$lan::${LAB_ADDRESS[$name]##*.}
    ip -n "$LAB-$name" address add "${LAB_ADDRESS6[$name]}/64" dev eth0 nodad
    ip -n "$LAB-$name" route add default via "$lan::1" dev eth0
    printf '2001:db8::1 broker6.test\n2001:db8::2 turn6.test\n' >>"/etc/netns/$LAB-$name/hosts"
    [ -n "${LAB_NAT64[$2]:-}" ] || return 0
    ip -n "$LAB-$name" route del default via "${LAB_GATEWAY[$name]}"
    ip -n "$LAB-$name" address del "${LAB_ADDRESS[$name]}/24" dev eth0
    LAB_ADDRESS[$name]=
    printf '127.0.0.1 localhost\n::1 localhost\n' >"/etc/netns/$LAB-$name/hosts"
    printf 'nameserver %s::1\n' "$lan" >"/etc/netns/$LAB-$name/resolv.conf"
}

lab_nat64() {
    local name=$1 prefix=${2:-2001:db8:64::/96} dir=$LAB_DIR/$1.nat64 pool own
    lab_router "$name" internet
    lab_ipv6 "$name"
    LAB_NAT64[$name]=$prefix
    pool=192.168.$((100 + LAB_NETS))
    own=${LAB_LANS6[$name]}:64::1
    mkdir -p "$dir"
    cat >"$dir/tayga.conf" <<CONFIG
tun-device nat64
ipv4-addr $pool.1
ipv6-addr $own
prefix $prefix
dynamic-pool $pool.0/24
data-dir $dir
CONFIG
    lab_in "$name" tayga --config "$dir/tayga.conf" --mktun >"$LAB_DIR/log/$name.tayga" 2>&1
    ip -n "$LAB-$name" link set nat64 up
    ip -n "$LAB-$name" route add "$pool.0/24" dev nat64
    ip -n "$LAB-$name" route add "$prefix" dev nat64
    ip -n "$LAB-$name" route add "$own" dev nat64
    lab_in "$name" nft -f - <<'RULES'
table ip nat {
    chain postrouting {
        type nat hook postrouting priority srcnat; policy accept;
        oifname "wan" masquerade
    }
}
table ip filter {
    chain input {
        type filter hook input priority filter; policy drop;
        iifname { "nat64", "lo" } accept
        ct state established,related accept
    }
    chain forward {
        type filter hook forward priority filter; policy drop;
        iifname "nat64" accept
        ct state established,related accept
    }
}
add rule ip6 firewall forward iifname "nat64" accept
RULES
    lab_spawn "$name" "$name.tayga" tayga --config "$dir/tayga.conf" --nodetach
    lab_dns64 "$name" "$prefix" "$dir"
}

# The names of the lab as a zone, so that DNS64 has somebody to ask; ipv4only.arpa as in RFC 7050.
lab_dns64() { # NAME PREFIX DIR
    local name=$1 dir=$3
    cat >"$dir/test.zone" <<'ZONE'
test. 60 IN SOA ns.test. root.test. 1 60 60 60 60
test. 60 IN NS ns.test.
ns.test. 60 IN A 192.0.2.1
broker.test. 60 IN A 192.0.2.1
turn.test. 60 IN A 192.0.2.2
broker6.test. 60 IN AAAA 2001:db8::1
turn6.test. 60 IN AAAA 2001:db8::2
ZONE
    cat >"$dir/ipv4only.zone" <<'ZONE'
ipv4only.arpa. 60 IN SOA ns.test. root.test. 1 60 60 60 60
ipv4only.arpa. 60 IN NS ns.test.
ipv4only.arpa. 60 IN A 192.0.0.170
ipv4only.arpa. 60 IN A 192.0.0.171
ZONE
    cat >"$dir/unbound.conf" <<CONFIG
server:
    interface: ${LAB_LANS6[$name]}::1
    access-control: ::/0 allow
    module-config: "dns64 iterator"
    dns64-prefix: $2
    username: ""
    chroot: ""
    directory: "$dir"
    pidfile: "$dir/unbound.pid"
    use-syslog: no
    do-daemonize: no
    num-threads: 1
    # The zones below are about names that it knows as special.
    local-zone: "test." nodefault
    local-zone: "ipv4only.arpa." nodefault
remote-control:
    control-enable: no
auth-zone:
    name: "test"
    zonefile: "$dir/test.zone"
    for-downstream: no
auth-zone:
    name: "ipv4only.arpa"
    zonefile: "$dir/ipv4only.zone"
    for-downstream: no
CONFIG
    lab_spawn "$name" "$name.unbound" unbound -d -c "$dir/unbound.conf"
    wait_until 5 lab_listens "$name" udp 53
}
