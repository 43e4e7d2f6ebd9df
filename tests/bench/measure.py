#!/usr/bin/python3
"""Measures one running tunnel, and adds a line of JSON to the results.

    measure.py LAB NAME PID_A PID_B TARGET STARTED SECONDS PHASE...

LAB is the prefix of the namespaces, the load goes from LAB-a to TARGET, which is LAB-b's; a PID is
empty where no program carries the packets. STARTED is when the tunnel was, in seconds since the
epoch. Phases: first (ping), idle, stream, reverse, streams (four, with a ping beside them), small
(64-byte packets), wire (one stream; the caller has switched off the offloads).
"""
import json
import os
import re
import subprocess
import sys
import time

PACKETS = os.environ["BENCH_PACKETS"]
TCP_PORT, UDP_PORT = 5201, 5202
PING_EVERY = 0.01
# Of 64 bytes as UDP payload: what the small-packet figures of the field mean.
SMALL = 64
LOST = 0.005
# Seconds after the last packet until everybody has noticed that there is no traffic, and how long rest
# is then looked at.
REST_AFTER, REST = 12, 10
FIRST_RATE, LAST_RATE = 20000, 1000000


class Bench:
    def __init__(self, lab, pids, target, started, seconds):
        self.lab, self.pids, self.target = lab, pids, target
        self.started, self.seconds = started, seconds

    def command(self, host, *command):
        return ["ip", "netns", "exec", f"{self.lab}-{host}", *command]

    def spawn(self, host, *command, **options):
        return subprocess.Popen(self.command(host, *command), text=True, stdout=subprocess.PIPE,
                                stderr=subprocess.DEVNULL, **options)

    def cpu(self):
        """Seconds of CPU that the programs of both ends have used."""
        return [cpu_of(pid) for pid in self.pids]

    # --- phases

    def first(self):
        deadline = time.time() + 20
        while time.time() < deadline:
            ping = self.spawn("a", "ping", "-c", "1", "-W", "0.1", self.target)
            ping.communicate()
            if ping.returncode == 0:
                return {"first_ping": time.time() - self.started}
            time.sleep(0.02)
        raise SystemExit(f"nothing comes back from {self.target}")

    def idle(self):
        """In CPU seconds per hour."""
        time.sleep(REST_AFTER)
        before, began = self.cpu(), time.time()
        time.sleep(REST)
        used = max([after - b for after, b in zip(self.cpu(), before)], default=0)
        return {"idle": used * 3600 / (time.time() - began)}

    def stream(self):
        return self.tcp("stream", 1)

    def reverse(self):
        return self.tcp("reverse", 1, "-R")

    def wire(self):
        return {"wire": self.tcp("wire", 1)["wire"]}

    def streams(self):
        # Beside the load from begin to end, without its start.
        count = int(self.seconds / PING_EVERY)
        for pid in self.pids:
            forget_peak(pid)
        load = self.tcp_start(4)
        time.sleep(0.4)
        ping = self.spawn("a", "ping", "-n", "-D", "-i", str(PING_EVERY), "-c", str(count), "-W", "1",
                          self.target)
        text = ping.communicate()[0]
        rtts = [float(rtt) for rtt in re.findall(r"time=([\d.]+)", text)]
        result = self.tcp_finish("streams", *load)
        result["rtts"] = rtts
        result["lost"] = 100 * (count - len(rtts)) / count
        if self.pids:
            result["resident"] = max(resident(pid) for pid in self.pids)
        return result

    def small(self):
        """Goes up in steps until packets are lost, then between the last two."""
        good, low, high = None, 0, FIRST_RATE
        while high < LAST_RATE:
            trial = self.blast(high)
            for _ in range(2):
                if trial["lost"] > LOST:  # once may be the machine's fault
                    trial = self.blast(high)
            if trial["lost"] > LOST:
                break
            good, low, high = trial, high, int(high * 1.6)
        for _ in range(2):
            trial = self.blast((low + high) // 2)
            if trial["lost"] > LOST:
                high = (low + high) // 2
            else:
                good, low = trial, (low + high) // 2
        if not good:
            return {"small_rate": 0}
        result = {"small_rate": good["got"] / good["seconds"] / 1000}
        if self.pids:
            result["small_cpu"] = 1e6 * sum(good["cpu"]) / good["got"]
        return result

    # --- generators

    def blast(self, rate):
        receiver = self.spawn("b", PACKETS, "receive", self.target, str(UDP_PORT), stdin=subprocess.PIPE)
        receiver.stdout.readline()
        before, began = self.cpu(), time.time()
        sender = self.spawn("a", PACKETS, "send", self.target, str(UDP_PORT), str(rate),
                            str(self.seconds / 3), str(SMALL))
        sent = int(sender.communicate()[0])
        seconds = time.time() - began
        time.sleep(0.05)
        got = int(receiver.communicate()[0])
        return {"lost": 1 - got / max(sent, 1), "got": got, "seconds": seconds,
                "cpu": [after - b for after, b in zip(self.cpu(), before)]}

    def tcp_start(self, streams, *options):
        server = self.spawn("b", "iperf3", "-s", "-1", "-p", str(TCP_PORT))
        self.wait_for_server()
        before = self.cpu()
        client = self.spawn("a", "timeout", "20", "iperf3", "-c", self.target, "-p", str(TCP_PORT), "-C", "cubic", "-P",
                            str(streams), "-t", str(self.seconds + (streams > 1)), "-J", *options)
        return server, client, before

    def wait_for_server(self):
        for _ in range(200):
            if f":{TCP_PORT:04X} " in open_ports(self.lab):
                return
            time.sleep(0.02)
        raise SystemExit("the iperf3 server does not listen")

    def tcp_finish(self, what, server, client, before):
        out = client.communicate(timeout=30)[0]
        used = [after - b for after, b in zip(self.cpu(), before)]
        server.kill()
        server.communicate()
        received = json.loads(out or "{}").get("end", {}).get("sum_received")
        if not received:
            raise SystemExit(f"iperf3 gave no result: {out[-300:]}")
        result = {what: received["bits_per_second"] / 1e9}
        if used and received["bytes"] > 0:
            result[what + "_cpu_a"], result[what + "_cpu_b"] = (u * 1e9 / received["bytes"] for u in used)
        return result

    def tcp(self, what, streams, *options):
        return self.tcp_finish(what, *self.tcp_start(streams, *options))


def open_ports(lab):
    return subprocess.run(["ip", "netns", "exec", f"{lab}-b", "cat", "/proc/net/tcp", "/proc/net/tcp6"],
                          capture_output=True, text=True, check=True).stdout


def cpu_of(pid):
    """To the nanosecond, with the threads that have ended: the process's own clock (clock_getcpuclockid(3))."""
    return time.clock_gettime_ns((~int(pid) << 3) | 2) / 1e9


def forget_peak(pid):
    """What is resident is from now on the most since now (proc(5), clear_refs)."""
    with open(f"/proc/{pid}/clear_refs", "w") as file:
        file.write("5")


def resident(pid):
    with open(f"/proc/{pid}/status") as file:
        return int(re.search(r"VmHWM:\s+(\d+)", file.read()).group(1)) / 1024


def main():
    lab, name, pid_a, pid_b, target, started, seconds, *phases = sys.argv[1:]
    bench = Bench(lab, [pid for pid in (pid_a, pid_b) if pid], target, float(started), int(seconds))
    result = {"name": name, "round": started}
    for phase in phases:
        result.update(getattr(bench, phase)())
    print(json.dumps(result), flush=True)


main()
