#!/usr/bin/python3
"""Switches two desktops on with nmcli and tells what happens, as it happens, from the D-Bus signals of both.

narrate.py NAME=PID NAME=PID [--state WORD] [--act TEXT WORD COMMAND]… [--patience SECONDS] [--result FILE]

PID is the first process of a desktop box. From the first desktop it pings the second every 10 ms, from the
moment there is a tunnel and an address. It waits until both peers are in the state --state, `direct` by
default; then each --act: says TEXT, runs COMMAND, waits for the state WORD on both sides. Waiting is
bounded. Exit status 1 when no ping was answered or a state was not reached. --result writes figures.
"""

import argparse
import json
import re
import signal
import subprocess
import sys
import threading
import time

import gi

gi.require_version("Gio", "2.0")
from gi.repository import Gio, GLib  # noqa: E402

SERVICE = "net.stile.Stile1"
ROOT = "/net/stile/Stile1"
NETWORK, PEER, PATH, RELAY = (f"{SERVICE}.{kind}" for kind in ("Network", "Peer", "Path", "Relay"))
PING_INTERVAL = "0.01"
AFTERWARDS = 2.0  # seconds of pings on each path
THROUGH = {"broker": "through the broker", "turn": "through the relay", "direct": "directly"}
ANSWER = re.compile(r"icmp_seq=(\d+) .*time=([\d.]+) ms")

TTY = sys.stdout.isatty()
COLOURS = {"time": "2", 0: "36", 1: "35", "good": "1;32", "bad": "1;31", "mark": "1"}


def paint(what, text):
    return f"\033[{COLOURS[what]}m{text}\033[0m" if TTY else text


class Story:
    """What is told, with the time since the switches were turned."""

    def __init__(self):
        self.began = time.monotonic()

    def now(self):
        return time.monotonic() - self.began

    def tell(self, box, text, colour=None):
        who = paint(box.number, f"{box.name:<6}") if box else " " * 6
        print(f"{paint('time', f'{self.now() * 1000:8.0f} ms')}  {who} {paint(colour, text) if colour else text}",
              flush=True)


class Box:
    """One desktop: its bus, and the objects of the service there as the signals leave them."""

    def __init__(self, number, name, pid, story):
        self.number, self.name, self.pid, self.story = number, name, pid, story
        self.objects = {}
        self.told = set()
        self.times = {}
        self.active = ""
        self.why = ""
        self.bus = Gio.DBusConnection.new_for_address_sync(
            f"unix:path=/proc/{pid}/root/run/dbus/system_bus_socket",
            Gio.DBusConnectionFlags.AUTHENTICATION_CLIENT | Gio.DBusConnectionFlags.MESSAGE_BUS_CONNECTION,
            None, None)
        for interface in ("org.freedesktop.DBus.ObjectManager", "org.freedesktop.DBus.Properties"):
            self.bus.signal_subscribe(SERVICE, interface, None, None, None, Gio.DBusSignalFlags.NONE,
                                      self.on_signal, None)
        for path, interfaces in self.call(ROOT, "org.freedesktop.DBus.ObjectManager", "GetManagedObjects")[0].items():
            for interface, properties in interfaces.items():
                self.objects.setdefault(path, {}).setdefault(interface, {}).update(properties)

    def call(self, path, interface, method, arguments=None):
        return self.bus.call_sync(SERVICE, path, interface, method, arguments, None,
                                  Gio.DBusCallFlags.NONE, 10000, None).unpack()

    def enter(self, *command):
        return ["nsenter", "-t", str(self.pid), "--all", "--root", "--wdns=/root", "env", "-i",
                "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8", *command]

    def on_signal(self, _bus, _sender, path, _interface, name, parameters, _data):
        values = parameters.unpack()
        if name == "InterfacesAdded":
            for interface, properties in values[1].items():
                self.changed(values[0], interface, properties)
        elif name == "InterfacesRemoved":
            self.objects.pop(values[0], None)
        elif name == "PropertiesChanged":
            self.changed(path, values[0], values[1])

    def changed(self, path, interface, properties):
        known = self.objects.setdefault(path, {}).setdefault(interface, {})
        news = {key: value for key, value in properties.items() if known.get(key) != value}
        known.update(properties)
        teller = {NETWORK: self.tell_network, PEER: self.tell_peer, PATH: self.tell_path,
                  RELAY: self.tell_relay}.get(interface)
        if teller:
            teller(path, known, news)

    def once(self, key, text, colour=None):
        if (key, text) not in self.told:
            self.told.add((key, text))
            self.story.tell(self, text, colour)

    def tell_network(self, _path, known, news):
        if news.get("Interface"):
            self.once("interface", f"has the tunnel {news['Interface']}: {', '.join(known.get('Addresses', []))}")
        for url, state in news.get("Rendezvous", []):
            self.once(url, f"local network: {state}" if url == "mdns:" else f"broker {url}: {state}")

    def tell_relay(self, path, known, news):
        if news.get("State") == "ready":
            self.once(path, f"the relay {known.get('Uri')} lends {known.get('Relayed')}")
        elif news.get("State") == "failed":
            self.once(path, f"the relay {known.get('Uri')} failed: {known.get('ErrorText')}", "bad")

    def tell_path(self, _path, known, news):
        if news.get("State") in ("working", "standby"):
            kind = known.get("Kind")
            if ("way", kind) not in self.told:
                self.told.add(("way", kind))
                self.story.tell(self, f"a way works: {describe(known)}")

    def tell_peer(self, path, known, news):
        name = known.get("Name", "a peer")
        if news.get("Online"):
            self.once(path + "online", f"{name} is online, at {', '.join(known.get('Addresses', []))}")
        if "ActivePath" in news and news["ActivePath"] != "/":
            way = self.objects.get(news["ActivePath"], {}).get(PATH, {})
            self.active = way.get("Kind", "")
            self.times.setdefault(self.active, self.story.now())
            self.active_since = self.story.now()
            self.story.tell(self, f"packets to {name} now go {through(way)}",
                            "good" if self.active == "direct" else "mark")
        if known.get("State") == "relayed" and news.get("Reason", "connecting") != "connecting":
            self.why = known.get("ReasonText")
            self.story.tell(self, f"{name} is relayed: {self.why}")
            for advice in known.get("Advice", []):
                self.story.tell(self, f"advice: {advice}")
        if "State" in news:
            self.times.setdefault("state " + news["State"], self.story.now())

    def peer(self):
        for interfaces in self.objects.values():
            if PEER in interfaces:
                return interfaces[PEER]
        return {}

    def network(self):
        for interfaces in self.objects.values():
            if NETWORK in interfaces:
                return interfaces[NETWORK]
        return {}


def describe(way):
    if way.get("Kind") == "broker":
        return "through the broker"
    ends = " → ".join(filter(None, (way.get("Local"), way.get("Remote"))))
    rtt = f", {way['Rtt'] / 1000:.1f} ms" if way.get("Rtt") else ""
    technique = f" ({way['Technique']})" if way.get("Technique") else ""
    return f"{THROUGH.get(way.get('Kind'), 'some other way')}{technique}, {ends}{rtt}"


def through(way):
    kind = way.get("Kind")
    if kind == "direct":
        return f"directly ({way.get('Technique')}), {way.get('Local')} → {way.get('Remote')}"
    return THROUGH.get(kind, "some other way")


class Pings:
    """Pings every 10 ms; which were answered, when, and over what kind of path."""

    def __init__(self, box, source, address, story):
        self.box, self.story = box, story
        self.command = box.enter("ping", "-n", "-i", PING_INTERVAL, "-I", source, address)
        self.first = None
        self.answers = {}
        self.last = None
        self.silence = 0.0
        self.stopped = False
        self.process = None
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        # It fails until NetworkManager has given the source address to the tunnel, and is tried again.
        while not self.stopped:
            self.process = subprocess.Popen(self.command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                                            text=True)
            for line in self.process.stdout:
                found = ANSWER.search(line)
                if found:
                    GLib.idle_add(self.answered, int(found[1]), float(found[2]))
            self.process.wait()
            time.sleep(0.005)

    def answered(self, number, milliseconds):
        now = self.story.now()
        if self.first is None:
            self.first = now
            self.story.tell(self.box, f"first ping answered, {THROUGH.get(self.box.active, '')}, "
                            f"in {milliseconds:.1f} ms", "good")
        else:
            self.silence = max(self.silence, now - self.last)
        self.last = now
        self.answers[number] = (self.box.active, milliseconds)

    def stop(self):
        self.stopped = True
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            self.process.wait(5)

    def lost(self, since=0):
        """Unanswered ones between the first and the last answer from number `since` on."""
        numbers = [number for number in self.answers if number >= since]
        return max(numbers) - min(numbers) + 1 - len(numbers) if numbers else 0

    def latest(self):
        return max(self.answers, default=0)

    def mean(self, kind):
        times = [taken for over, taken in self.answers.values() if over == kind]
        return sum(times) / len(times) if times else None


class Narrator:
    """Goes from act to act: each is over when both peers are in its state, and stayed so for a while."""

    def __init__(self, boxes, story, options):
        self.boxes, self.story, self.patience = boxes, story, options.patience
        self.acts = [("", options.state, "")] + options.act
        self.state = None
        self.pings = None
        self.loop = GLib.MainLoop()
        self.switches = []
        self.reports = []

    def switch_on(self):
        for box in self.boxes:
            self.story.tell(box, "nmcli connection up home", "mark")
            self.switches.append((box, self.story.now(), subprocess.Popen(
                box.enter("timeout", "60", "nmcli", "--wait", "55", "connection", "up", "home"),
                stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)))

    def switched(self):
        for entry in list(self.switches):
            box, _, process = entry
            if process.poll() is None:
                continue
            self.switches.remove(entry)
            if process.returncode == 0:
                self.story.tell(box, "NetworkManager: connected")
                box.times["networkmanager"] = self.story.now()
            else:
                self.story.tell(box, process.stderr.read().strip(), "bad")

    def next_act(self):
        text, self.state, command = self.acts.pop(0)
        if command:
            print()
            self.story.tell(None, text, "mark")
            subprocess.run(command, shell=True, check=True)
        self.report = {"act": text, "state": self.state, "reached-ms": None}
        self.began = self.story.now()
        self.settled = None
        self.since = self.pings.latest() if self.pings else 0
        if self.pings:
            self.pings.silence = 0.0

    def end_act(self):
        if self.pings and self.pings.last is not None:
            self.pings.silence = max(self.pings.silence, self.story.now() - self.pings.last)
            self.report["pings-lost"] = self.pings.lost(self.since)
            self.report["longest-silence-ms"] = round(self.pings.silence * 1000)
        self.reports.append(self.report)
        if not self.acts:
            self.loop.quit()
            return False
        self.next_act()
        return True

    def tick(self):
        self.switched()
        first, second = self.boxes
        if self.pings is None and second.network().get("Addresses") and first.network().get("Interface"):
            source, target = (box.network()["Addresses"][0].split("/")[0] for box in self.boxes)
            self.pings = Pings(first, source, target, self.story)
        now = self.story.now()
        if self.settled is None and self.reached():
            self.settled = now
            self.report["reached-ms"] = round((now - self.began) * 1000)
        if self.settled is not None and now >= self.settled + AFTERWARDS:
            return GLib.SOURCE_CONTINUE if self.end_act() else GLib.SOURCE_REMOVE
        if now > self.began + self.patience:
            self.story.tell(None, f"the state {self.state} was not reached in {self.patience:.0f} s", "bad")
            return GLib.SOURCE_CONTINUE if self.end_act() else GLib.SOURCE_REMOVE
        return GLib.SOURCE_CONTINUE

    def reached(self):
        """Both in the state, a ping came back since, and a relay is not just a stage on the way."""
        if self.state == "relayed" and not self.report["act"] and \
                any(box.peer().get("Reason") == "connecting" for box in self.boxes):
            return False
        return (self.pings is not None and self.pings.last is not None and self.pings.last > self.began and
                all(box.peer().get("State") == self.state for box in self.boxes))

    def run(self):
        self.next_act()
        self.switch_on()
        GLib.timeout_add(5, self.tick)
        self.loop.run()
        if self.pings:
            self.pings.stop()

    def figures(self):
        first = self.boxes[0]
        pings = self.pings
        direct = [box.times.get("direct") for box in self.boxes]
        return {
            "first-answer-ms": round(pings.first * 1000, 1) if pings and pings.first is not None else None,
            "first-direct-ms": round(min(direct) * 1000, 1) if None not in direct else None,
            "both-direct-ms": round(max(direct) * 1000, 1) if None not in direct else None,
            "networkmanager-ms": {box.name: round(box.times["networkmanager"] * 1000, 1)
                                  for box in self.boxes if "networkmanager" in box.times},
            "pings-answered": len(pings.answers) if pings else 0,
            "pings-lost-after-first-answer": pings.lost() if pings else 0,
            "acts": self.reports,
            "mean-rtt-ms": {kind: round(pings.mean(kind), 2) for kind in ("broker", "turn", "direct")
                            if pings and pings.mean(kind) is not None},
            "state": first.peer().get("State"),
            "reason": first.peer().get("Reason"),
            "reason-text": first.why or first.peer().get("ReasonText"),
        }


def summary(figures):
    print()
    if figures["first-answer-ms"] is None:
        print(paint("bad", "No ping was answered."))
        return
    print(f"First answer after {paint('mark', '%.0f ms' % figures['first-answer-ms'])}, ", end="")
    if figures["both-direct-ms"] is not None:
        print(f"direct on both sides after {paint('good', '%.0f ms' % figures['both-direct-ms'])}.")
    else:
        print(f"no direct path: {figures['reason-text'] or figures['reason']}")
    for report in figures["acts"]:
        if report["reached-ms"] is None or "pings-lost" not in report:
            continue
        print(f"{report['act'] or 'Switched on'}: {report['state']} after {report['reached-ms']} ms, "
              f"{report['pings-lost']} pings lost" +
              (f", longest silence {report['longest-silence-ms']} ms." if report["act"] else " since the first answer."))
    for kind, mean in figures["mean-rtt-ms"].items():
        print(f"Round trip {THROUGH[kind]}: {mean:.1f} ms.")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("boxes", nargs=2, metavar="NAME=PID")
    parser.add_argument("--result")
    parser.add_argument("--state", default="direct")
    parser.add_argument("--act", nargs=3, action="append", default=[], metavar=("TEXT", "STATE", "COMMAND"))
    parser.add_argument("--patience", type=float, default=30)
    options = parser.parse_args()
    story = Story()
    boxes = []
    for number, argument in enumerate(options.boxes):
        name, _, pid = argument.partition("=")
        boxes.append(Box(number, name, int(pid), story))
    story.began = time.monotonic()
    narrator = Narrator(boxes, story, options)
    narrator.run()
    figures = narrator.figures()
    summary(figures)
    if options.result:
        with open(options.result, "w", encoding="utf-8") as file:
            json.dump(figures, file, indent=2)
            file.write("\n")
    return 0 if all(report["reached-ms"] is not None for report in figures["acts"]) else 1


if __name__ == "__main__":
    sys.exit(main())
