#!/usr/bin/env python3
"""What somebody on the internet can throw at a UDP port, for tests/lab/test-hostile-datagrams.

    attack.py throw KIND COUNT IP PORT [--as IP PORT]   datagrams of a kind; --as: with a forged source
    attack.py record FILE INTERFACE IP PORT             whole packets to a port, until SIGTERM
    attack.py show FILE                                 how many there are of each type
    attack.py replay FILE TIMES                         the same packets again, source and all
    attack.py hand FILE IP PORT                         WireGuard's among them, from our own address
    attack.py ask IP PORT… [--key BASE64]               Binding requests of every kind to a member that answers STUN,
                                                        signed with the network's key: how many answers came, and
                                                        by how much the longest exceeds its request

Randomness is seeded: a run that found something can be run again.
"""

import argparse
import base64
import collections
import hashlib
import hmac
import itertools
import random
import select
import signal
import socket
import struct
import time
import zlib

COOKIE = 0x2112A442
BURST = 32  # then a pause, so that they arrive rather than overflow the socket
PAUSE = 0.001


def stun(kind, attributes=b"", cookie=COOKIE, transaction=None, length=None):
    length = len(attributes) if length is None else length
    return struct.pack("!HHI", kind, length, cookie) + (transaction or random.randbytes(12)) + attributes


def attribute(kind, value):
    return struct.pack("!HH", kind, len(value)) + value + b"\0" * (-len(value) % 4)


def fingerprint(message):
    head = message[:2] + struct.pack("!H", len(message) - 20 + 8) + message[4:]
    return head + attribute(0x8028, struct.pack("!I", zlib.crc32(head) ^ 0x5354554E))


def address(kind):
    return attribute(kind, b"\0\1" + random.randbytes(6))


def noise():
    while True:
        yield random.randbytes(random.choice((0, 1, 3, 19, 20, 31, 32, 148, 1472, random.randrange(1473))))


def oversized():
    """Fragments of up to 64 KiB, and what fits into one packet but into no message of ours."""
    first = itertools.cycle((b"\1\0\0\0", b"\2\0\0\0", b"\3\0\0\0", b"\4\0\0\0", b"\0\1\xff\xfc\x21\x12\xa4\x42", b""))
    while True:
        head = next(first)
        yield head + random.randbytes(random.choice((8000, 20000, 65507)) - len(head))


def wireguard():
    """The right types and sizes, with nothing in them that anybody could have made."""
    sizes = {1: 148, 2: 92, 3: 64, 4: None}
    while True:
        kind = random.randrange(1, 5)
        size = sizes[kind] or 16 + 16 * random.randrange(1, 90)
        yield bytes((kind, 0, 0, 0)) + random.randbytes(size - 4)


def truncated():
    for message in wireguard():
        yield message[: random.randrange(len(message))]
        whole = fingerprint(stun(1, attribute(6, b"name:name") + attribute(0x24, random.randbytes(4))))
        yield whole[: random.randrange(len(whole))]


def forged_stun():
    """Requests, answers and indications of all methods, some well made, none with a right integrity."""
    while True:
        kind = random.choice((0x0001, 0x0101, 0x0111, 0x0011, 0x0003, 0x0103, 0x0113, 0x0016, 0x0017, 0x0109))
        parts = [
            attribute(0x0006, b"abcd:" + random.randbytes(4).hex().encode()),
            address(0x0020),
            address(0x0012),
            address(0x0016),
            attribute(0x0013, bytes((random.randrange(1, 5), 0, 0, 0)) + random.randbytes(144)),
            attribute(0x0009, b"\0\0\4" + bytes((random.randrange(100),)) + b"Go away"),
            attribute(0x0024, random.randbytes(4)),
            attribute(0x0025, b""),
            attribute(0x802A, random.randbytes(8)),
            attribute(random.randrange(0x10000), random.randbytes(random.randrange(40))),
        ]
        body = b"".join(random.sample(parts, random.randrange(len(parts))))
        if random.randrange(2):
            body += attribute(0x0008, random.randbytes(20))
        message = stun(kind, body)
        if random.randrange(2):
            message = fingerprint(message)
        if random.randrange(8) == 0:
            message = stun(kind, body, length=random.randrange(0, 0x10000, 4))
        yield message


def channel():
    for inner in itertools.chain.from_iterable(zip(wireguard(), forged_stun())):
        length = random.choice((len(inner), len(inner), random.randrange(0x10000)))
        yield struct.pack("!HH", 0x4000 + random.randrange(0x1000), length) + inner


KINDS = {
    "random": noise,
    "oversized": oversized,
    "wireguard": wireguard,
    "truncated": truncated,
    "stun": forged_stun,
    "channel": channel,
}


def checksum(data):
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    total = (total & 0xFFFF) + (total >> 16)
    return ~(total + (total >> 16)) & 0xFFFF


def forged_packet(source, target, payload):
    """An IPv4 packet without UDP checksum, which IPv4 allows."""
    udp = struct.pack("!HHHH", source[1], target[1], 8 + len(payload), 0) + payload
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0, socket.inet_aton(source[0]),
                       socket.inet_aton(target[0]))
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + udp


def raw_socket():
    return socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)


def paced(items):
    for number, item in enumerate(items):
        if number % BURST == BURST - 1:
            time.sleep(PAUSE)
        yield item


def throw(args):
    target = (args.ip, args.port)
    source = (args.forged[0], int(args.forged[1])) if args.forged else None
    out = raw_socket() if source else socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sent = 0
    for payload in paced(itertools.islice(KINDS[args.kind](), args.count)):
        if source:
            out.sendto(forged_packet(source, target, payload[:1400]), (target[0], 0))
        else:
            try:
                out.sendto(payload, target)
            except ConnectionRefusedError:
                pass
        sent += 1
    print("sent", sent)


def record(args):
    wanted = socket.inet_aton(args.ip)
    tap = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x0003))
    tap.bind((args.interface, 0x0003))
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with open(args.file, "wb", buffering=0) as file:
        print("recording", flush=True)
        try:
            while True:
                packet = tap.recv(65536)
                if len(packet) < 28 or packet[0] != 0x45 or packet[9] != 17 or packet[16:20] != wanted:
                    continue
                if struct.unpack("!H", packet[22:24])[0] == args.port:
                    file.write(struct.pack("!H", len(packet)) + packet)
        except KeyboardInterrupt:
            pass


def recorded(name):
    with open(name, "rb") as file:
        while head := file.read(2):
            yield file.read(struct.unpack("!H", head)[0])


def replay(args):
    packets = list(recorded(args.file))
    out = raw_socket()
    for packet in paced(itertools.chain.from_iterable(itertools.repeat(packets, args.times))):
        # Whole checksums: what was seen leaving a veth may have had none yet.
        out.sendto(packet[:26] + b"\0\0" + packet[28:], (socket.inet_ntoa(packet[16:20]), 0))
    print("sent", len(packets) * args.times)


def kind_of(payload):
    """WireGuard's type as one digit, STUN's as four."""
    if len(payload) >= 32 and payload[0] in (1, 2, 3, 4) and payload[1:4] == b"\0\0\0":
        return "%d" % payload[0]
    if len(payload) >= 20 and payload[4:8] == struct.pack("!I", COOKIE):
        return "%04x" % struct.unpack("!H", payload[:2])
    return "other"


def show(args):
    kinds = collections.Counter(kind_of(packet[28:]) for packet in recorded(args.file))
    for kind, count in sorted(kinds.items()):
        print(kind, count)


def hand(args):
    out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sent = 0
    for packet in paced(recorded(args.file)):
        if len(kind_of(packet[28:])) == 1:
            out.sendto(packet[28:], (args.ip, args.port))
            sent += 1
    print("sent", sent)


def blake2s_hmac(key, data):
    return hmac.new(key, data, hashlib.blake2s).digest()


def member_key(network):
    """What members sign their questions with (plugin/mesh/stun-members.c)."""
    salt = hashlib.blake2s(b"Stile member STUN 1").digest()
    return blake2s_hmac(blake2s_hmac(salt, network), b"\1")


def signed(message, key):
    head = message[:2] + struct.pack("!H", len(message) - 20 + 24) + message[4:]
    return head + attribute(0x0008, hmac.new(key, head, hashlib.sha1).digest())


def questions(key):
    """Whole ones and short ones; back here, to another port, from another port, from another machine."""
    for extra in (b"", attribute(0x0003, struct.pack("!I", 2)), attribute(0x0003, struct.pack("!I", 6)),
                  attribute(0x0027, struct.pack("!HH", 40000, 0))):
        body = extra + attribute(0x0026, bytes(100 - 20 - 24 - 8 - 4 - len(extra)))
        yield fingerprint(signed(stun(1, body), key))
        yield signed(stun(1, body + attribute(0x0006, b"name:name")), key)
    yield fingerprint(signed(stun(1), key))


def ask(args):
    # With a key: those that are whole, and want the answer back here; else whatever may get one.
    key = member_key(base64.b64decode(args.key)) if args.key else random.randbytes(32)
    asked = list(itertools.islice(questions(key), 2 if args.key else None))
    if not args.key:
        asked += [stun(1), fingerprint(stun(1))]
        asked += [fingerprint(stun(1, attribute(0x0026, bytes(80)))), fingerprint(signed(stun(1), b""))]
    out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    for port in args.ports:
        for message in asked:
            out.sendto(message, (args.ip, port))
    answers, excess, end = 0, 0, time.monotonic() + 2
    while select.select([out], [], [], max(0, end - time.monotonic()))[0]:
        answer = out.recv(2048)
        request = next(message for message in asked if message[8:20] == answer[8:20])
        excess = max(excess, len(answer) - len(request))
        answers += 1
    print(answers, excess)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    command = commands.add_parser("throw")
    command.set_defaults(run=throw)
    command.add_argument("kind", choices=KINDS)
    command.add_argument("count", type=int)
    command.add_argument("ip")
    command.add_argument("port", type=int)
    command.add_argument("--as", dest="forged", nargs=2, metavar=("IP", "PORT"))
    command = commands.add_parser("record")
    command.set_defaults(run=record)
    command.add_argument("file")
    command.add_argument("interface")
    command.add_argument("ip")
    command.add_argument("port", type=int)
    command = commands.add_parser("replay")
    command.set_defaults(run=replay)
    command.add_argument("file")
    command.add_argument("times", type=int)
    command = commands.add_parser("show")
    command.set_defaults(run=show)
    command.add_argument("file")
    command = commands.add_parser("hand")
    command.set_defaults(run=hand)
    command.add_argument("file")
    command.add_argument("ip")
    command.add_argument("port", type=int)
    command = commands.add_parser("ask")
    command.set_defaults(run=ask)
    command.add_argument("ip")
    command.add_argument("ports", type=int, nargs="+")
    command.add_argument("--key")
    args = parser.parse_args()
    random.seed(1)
    args.run(args)


main()
