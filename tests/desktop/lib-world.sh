# shellcheck shell=bash
# Two desktops that can meet: alice behind the NAT "home", bob behind "office", a broker and a TURN
# server on the internet between them. Sourced after lib.sh.
#
#   world_start [KIND [KIND]]   the NATs' kinds, easy by default; alice has made the network "home"
#   world_profiles              alice has its profile, bob has imported an invitation: both can go up
#   world_invite NAME           an invitation, on stdout
#   world_property BOX NAME     of the network's object on the bus
#   world_address BOX 4|6       its address in the network, without prefix length
#   world_peer BOX NAME         a property of the only peer
#   world_state BOX             of the profile in NetworkManager's eyes

world_start() {
    lab_begin
    lab_internet
    lab_broker password
    lab_turn
    lab_nat home "${1:-easy}"
    lab_nat office "${2:-${1:-easy}}"
    box_start alice home
    box_start bob office
    printf 'relay' | box_put alice /root/turn-password
    box_in alice stilectl network create home --member alice \
        --rendezvous mqtt://stile:rendezvous@192.0.2.1 --stun 192.0.2.1:3478 --stun 192.0.2.2:3478 \
        --turn turn:192.0.2.1:3478 --turn-user stile --turn-password-file /root/turn-password
}

world_invite() { # NAME
    box_in alice stilectl invite "$1" --output /root/invitation.stile >/dev/null
    box_in alice cat /root/invitation.stile
    box_in alice rm /root/invitation.stile
}

world_profiles() {
    # By the user, as the README has it: a file of root's is not for them to read.
    box_as_user alice stilectl network profile home --output home.stile
    box_as_user alice nmcli connection import type stile file home.stile
    world_invite bob | box_put bob /root/bob.stile
    box_in bob nmcli connection import type stile file /root/bob.stile
}

# The service's objects: `busctl --json=short` and jq, so that no form of output is guessed at.
world_get() { # BOX PATH INTERFACE PROPERTY
    box_in "$1" busctl --system --json=short get-property net.stile.Stile1 "$2" "net.stile.Stile1.$3" "$4" |
        jq -r '.data | if type == "array" then .[] else . end'
}

world_network() { # BOX
    world_get "$1" /net/stile/Stile1 Manager Networks | head -n 1
}

world_property() { # BOX PROPERTY
    world_get "$1" "$(world_network "$1")" Network "$2"
}

world_address() { # BOX 4|6
    local pattern='\.'
    [ "$2" = 4 ] || pattern=:
    world_property "$1" Addresses | grep "$pattern" | head -n 1 | cut -d/ -f1
}

world_peer() { # BOX PROPERTY
    world_get "$1" "$(world_property "$1" Peers | head -n 1)" Peer "$2"
}

world_state() { # BOX
    box_in "$1" nmcli -g GENERAL.STATE connection show home
}
