#!/usr/bin/env python3
"""Sends one router advertisement (RFC 4861) with a PREF64 option (RFC 8781) to all nodes on a link.

    advertise.py DEVICE PREFIX LIFETIME

radvd can do so from version 2.20 on; Debian 12 has 2.19. The router is none to route by (its lifetime is
zero), so nothing else changes for who hears it. LIFETIME is in seconds, a multiple of 8; 0 takes the prefix
back.
"""
import ipaddress
import socket
import struct
import sys

ROUTER_ADVERTISEMENT = 134
PREF64 = 38
CODES = {96: 0, 64: 1, 56: 2, 48: 3, 40: 4, 32: 5}


def main():
    device, prefix, lifetime = sys.argv[1], ipaddress.IPv6Network(sys.argv[2]), int(sys.argv[3])
    scaled = lifetime // 8 << 3 | CODES[prefix.prefixlen]
    option = struct.pack("!BBH12s", PREF64, 2, scaled, prefix.network_address.packed[:12])
    # The kernel fills in the checksum.
    header = struct.pack("!BBHBBHII", ROUTER_ADVERTISEMENT, 0, 0, 64, 0, 0, 0, 0)
    with socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6) as sender:
        sender.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, device.encode())
        # Nobody believes one that came through a router.
        sender.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
        sender.sendto(header + option, ("ff02::1", 0, 0, socket.if_nametoindex(device)))


main()
