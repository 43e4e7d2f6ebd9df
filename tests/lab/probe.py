#!/usr/bin/env python3
"""What test-natbox sends and sees, in small commands.

serve ADDRESS…            a UDP server on ports 7000 and 7001 of each address, and a TCP server on 7000. It
                          obeys what it is told in a datagram:
                            where                     the source it saw
                            later SECONDS             the same, after a time
                            every SECONDS N           the numbers 1 to N, one each so many seconds
                            other ADDRESS PORT        the same as where, from another of its endpoints
                            connect PORT              TCP from port 7000 to that port of the source
                            burst N                   N numbers at once
ports SERVER N            the mapped ports of N sockets, one after the other, and their local ports
where LOCAL SERVER:PORT…  the mapped endpoints of one socket for several destinations
ask LOCAL SERVER SECONDS WORDS…   sends a command, prints what comes within so many seconds
keep LOCAL SERVER SECONDS SECONDS…  one socket, a question and a silence by turns: where it is each time
burst SERVER N            asks N times, prints how many were answered
hairpin LOCAL OTHER SERVER [HOLE]   from one socket to the mapping of the other, which has sent to HOLE
                          (none, address, port): the source that the other sees, or nothing
meet FILE LOCAL SERVER    writes its mapped endpoint into a file, and answers one datagram: its source
knock ADDRESS PORT        UDP to a port: silent, refused
dial ADDRESS PORT [LOCAL] TCP to a port: connected, refused, silent
dialled LOCAL SERVER      what `connect` gets: a socket that listens and has connected out from one port
send ADDRESS PORT MEGABYTES, take PORT   TCP: the hash of what was sent, and of what was taken
unreachable LOCAL SERVER  closes its socket after a question: whether the server was told (an ICMP error)
"""

import errno
import hashlib
import os
import select
import socket
import sys
import time

PORTS = (7000, 7001)
PATIENCE = 2.0


def udp(address="0.0.0.0", port=0):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind((address, int(port)))
    return s


def tcp(port=0):
    s = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    s.bind(("0.0.0.0", int(port)))
    return s


def endpoint(text):
    address, _, port = text.partition(":")
    return address, int(port or PORTS[0])


def name(address):
    return "%s:%d" % address[:2]


def serve(*addresses):
    sockets = {(a, p): udp(a, p) for a in addresses for p in PORTS}
    listener = tcp(PORTS[0])
    listener.listen()
    accepted, timers = [], []

    def obey(s, source, words):
        here = name(source).encode()
        if words[0] == "where":
            s.sendto(here, source)
        elif words[0] == "later":
            timers.append((time.monotonic() + float(words[1]), s, source, here))
        elif words[0] == "every":
            for i in range(int(words[2])):
                timers.append((time.monotonic() + float(words[1]) * (i + 1), s, source, b"%d" % (i + 1)))
        elif words[0] == "other":
            sockets[words[1], int(words[2])].sendto(here, source)
        elif words[0] == "connect":
            s.sendto(dial(source[0], words[1], PORTS[0]).encode(), source)
        elif words[0] == "burst":
            for i in range(int(words[1])):
                s.sendto(b"%d" % i, source)

    while True:
        due = min((t[0] for t in timers), default=None)
        left = None if due is None else max(0, due - time.monotonic())
        for s in select.select([*sockets.values(), listener], [], [], left)[0]:
            if s is listener:
                accepted.append(s.accept())
                continue
            try:
                data, source = s.recvfrom(2000)
            except OSError:
                continue
            obey(s, source, data.decode().split())
        now = time.monotonic()
        for timer in sorted(t for t in timers if t[0] <= now):
            timer[1].sendto(timer[3], timer[2])
            timers.remove(timer)


def question(s, server, words="where", patience=PATIENCE):
    s.settimeout(patience)
    s.sendto(words.encode(), server)
    try:
        return s.recvfrom(2000)[0].decode()
    except TimeoutError:
        return "silent"


def ports(server, count):
    for _ in range(int(count)):
        s = udp()
        print(question(s, endpoint(server)).partition(":")[2], s.getsockname()[1])


def where(local, *servers):
    s = udp(port=local)
    for server in servers:
        print(question(s, endpoint(server)))


def ask(local, server, seconds, *words):
    s = udp(port=local)
    s.sendto(" ".join(words).encode(), endpoint(server))
    end = time.monotonic() + float(seconds)
    while select.select([s], [], [], max(0, end - time.monotonic()))[0]:
        print(s.recvfrom(2000)[0].decode())


def keep(local, server, *silences):
    s = udp(port=local)
    for silence in silences:
        print(question(s, endpoint(server)))
        time.sleep(float(silence))
    print(question(s, endpoint(server)))


def burst(server, count):
    s = udp()
    got = 0
    for i in range(int(count)):
        s.sendto(b"where", endpoint(server))
        while select.select([s], [], [], 0.002)[0]:
            got += bool(s.recv(2000))
    while select.select([s], [], [], 1)[0]:
        got += bool(s.recv(2000))
    print(got)


def hairpin(local, other, server, hole="none"):
    a, b = udp(port=local), udp(port=other)
    mapped_a, mapped_b = endpoint(question(a, endpoint(server))), endpoint(question(b, endpoint(server)))
    if hole == "port":
        b.sendto(b"hole", mapped_a)
    elif hole == "address":
        b.sendto(b"hole", (mapped_a[0], 9))
    time.sleep(0.1)
    a.sendto(b"hairpin", mapped_b)
    b.settimeout(PATIENCE)
    try:
        data, source = b.recvfrom(2000)
    except TimeoutError:
        print("nothing")
        return
    print("external" if source == mapped_a else "internal" if source[1] == a.getsockname()[1] else source)
    b.sendto(b"back", source)
    a.settimeout(PATIENCE)
    try:
        while a.recvfrom(2000)[0] != b"back":
            pass
        print("back")
    except TimeoutError:
        print("no way back")


def meet(file, local, server):
    s = udp(port=local)
    here = question(s, endpoint(server))
    with open(file + ".new", "w") as f:
        f.write(here)
    os.rename(file + ".new", file)
    s.settimeout(3 * PATIENCE)
    data, source = s.recvfrom(2000)
    s.sendto(data, source)
    print(name(source))


def knock(address, port):
    s = udp()
    s.connect((address, int(port)))
    s.settimeout(PATIENCE)
    try:
        s.send(b"where")
        print("answered" if s.recv(2000) else "empty")
    except ConnectionRefusedError:
        print("refused")
    except TimeoutError:
        print("silent")


def dial(address, port, local=0):
    s = tcp(local)
    s.settimeout(PATIENCE)
    try:
        s.connect((address, int(port)))
    except TimeoutError:
        return "silent"
    except OSError as e:
        return "refused" if e.errno == errno.ECONNREFUSED else e.strerror
    finally:
        s.close()
    return "connected"


def dialled(local, server):
    listener = tcp(local)
    listener.listen()
    out = tcp(local)
    out.connect((server, PORTS[0]))
    s = udp()
    print(question(s, (server, PORTS[1]), "connect %s" % local, 2 * PATIENCE))


def send(address, port, megabytes):
    data = os.urandom(1 << 20) * int(megabytes)
    s = socket.create_connection((address, int(port)), timeout=30)
    s.sendall(data)
    s.shutdown(socket.SHUT_WR)
    back = b""
    while part := s.recv(65536):
        back += part
    print(hashlib.sha256(data).hexdigest(), back.decode())


def take(port):
    s = tcp(port)
    s.listen()
    print("listening", flush=True)
    c = s.accept()[0]
    digest = hashlib.sha256()
    while part := c.recv(65536):
        digest.update(part)
    c.sendall(digest.hexdigest().encode())


def unreachable(local, server):
    s = udp(port=local)
    s.sendto(b"later 0.5", endpoint(server))
    s.close()
    time.sleep(1)


if __name__ == "__main__":
    command = globals()[sys.argv[1]]
    said = command(*sys.argv[2:])
    if said:
        print(said)
