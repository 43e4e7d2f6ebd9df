#!/usr/bin/python3
"""Somebody else on the local network: looks at what members announce, knocks, and announces the like.

    lan-stranger.py BUS look            prints each service of Stile's type: name, host, address, port, TXT
    lan-stranger.py BUS knock           says nonsense to each, prints how many bytes came back before the end
    lan-stranger.py BUS imitate COUNT   announces COUNT services with made-up names, and one under each name
                                        that was seen, for as long as it lives; prints what each caller said
"""
import random
import socket
import sys

from gi.repository import Gio, GLib

TYPE = "_stile._tcp"
AVAHI = "org.freedesktop.Avahi"
PATIENCE = 20  # seconds, longer than a member waits for a greeting


class Stranger:
    def __init__(self, bus):
        self.bus = Gio.DBusConnection.new_for_address_sync(
            bus, Gio.DBusConnectionFlags.AUTHENTICATION_CLIENT | Gio.DBusConnectionFlags.MESSAGE_BUS_CONNECTION,
            None, None)
        self.loop = GLib.MainLoop()

    def call(self, path, interface, method, arguments):
        return self.bus.call_sync(AVAHI, path, f"{AVAHI}.{interface}", method, arguments, None,
                                  Gio.DBusCallFlags.NONE, 20000, None).unpack()

    def look(self):
        found = {}

        def on_signal(_bus, _sender, _path, _interface, signal, arguments):
            if signal == "ItemNew":
                interface, protocol, name, *_ = arguments.unpack()
                if protocol == 0:
                    found[name] = (interface, protocol)
            elif signal == "AllForNow":
                self.loop.quit()

        subscription = self.bus.signal_subscribe(None, f"{AVAHI}.ServiceBrowser", None, None, None,
                                                 Gio.DBusSignalFlags.NONE, on_signal)
        self.call("/", "Server", "ServiceBrowserNew", GLib.Variant("(iissu)", (-1, -1, TYPE, "", 0)))
        GLib.timeout_add_seconds(PATIENCE, self.loop.quit)
        self.loop.run()
        self.bus.signal_unsubscribe(subscription)
        services = []
        for name, (interface, protocol) in found.items():
            try:
                answer = self.call("/", "Server", "ResolveService", GLib.Variant(
                    "(iisssiu)", (interface, protocol, name, TYPE, "local", protocol, 0)))
            except GLib.Error:
                continue  # gone meanwhile
            services.append((name, answer[5], answer[7], answer[8], answer[9]))
        return services

    def publish(self, names, port):
        path, = self.call("/", "Server", "EntryGroupNew", None)
        for name in names:
            self.call(path, "EntryGroup", "AddService", GLib.Variant(
                "(iiussssqaay)", (-1, -1, 0, name, TYPE, "", "", port, [b"x" * 200] * 5)))
        self.call(path, "EntryGroup", "Commit", None)


def knock(address, port):
    with socket.create_connection((address, port), PATIENCE) as connection:
        connection.sendall(bytes(random.randrange(256) for _ in range(400)))
        heard = 0
        try:
            while piece := connection.recv(4096):
                heard += len(piece)
        except ConnectionResetError:
            pass
        return heard


def imitate(stranger, count):
    seen = [name for name, *_ in stranger.look()]
    listener = socket.create_server(("", 0))
    port = listener.getsockname()[1]
    made_up = ["%040x" % random.getrandbits(160) for _ in range(count)]
    for at in range(0, len(made_up), 10):
        stranger.publish(made_up[at:at + 10], port)
    for name in seen:
        try:
            stranger.publish([name], port)
        except GLib.Error as error:
            print("not taken:", error.message, flush=True)
    print("announced", len(made_up), "and", len(seen), flush=True)
    while True:
        caller, _ = listener.accept()
        with caller:
            caller.settimeout(2)
            said = b""
            try:
                while piece := caller.recv(4096):
                    said += piece
            except OSError:
                pass
        print("called:", len(said), flush=True)


def main():
    stranger = Stranger(sys.argv[1])
    if sys.argv[2] == "imitate":
        imitate(stranger, int(sys.argv[3]))
    for name, host, address, port, txt in stranger.look():
        if sys.argv[2] == "look":
            print(name, host, address, port, len(txt))
        else:
            print(name, knock(address, port))


main()
