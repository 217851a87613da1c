#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Queue SAs with a peer that does not know RFC 9611.

keyrack wants an SA for each of four queues. strongSwan 5.9.8 ignores the notify and grants ordinary Child SAs with the
same selectors: they must be used as such, all inbound, replaced from both sides by packet counts, without a lost packet;
and keyrack must not ask for more than the four.
"""
import argparse
import os
import re
import subprocess
import sys

import gateway
import keyrack
import strongswan
from keyrack import Keyrack
from netlab import Lab, check_machine, die_with_parent, main, require, wait_until
from run_case import both_agree
from strongswan import StrongSwan

IKE, ESP = "aes128gcm16-prfsha256-x25519", "aes128gcm16"
QUEUES = 4
FLOWS = 48  # each way: so many that every queue has some, whatever the kernel's hash is
PACKETS, INTERVAL_MS = {"keyrack": 70, "strongswan": 200}, {"keyrack": 140, "strongswan": 50}
# A TAP sends a flow on the queue on which the same ports, turned round, came in: no two flows may be like that.
SOURCE_PORT = {"a": 4000, "b": 4100}
# charon sends on the newest SA only, and counts the packets of each direction; keyrack comes sooner where it began, and
# later where it did not. So close together both sides' counts are reached, whoever began.
COUNTS = {"strongswan": {"packets": (150, 8000, 40)}, "keyrack": {"packets": (120, 8000, 20)}}
REKEYS_WANTED = 4  # by each side


def arguments():
    p = argparse.ArgumentParser()
    p.add_argument("--bin", required=True, help="where keyrackd, keyrack and keyrack-hwsim are")
    p.add_argument("--a", choices=("keyrack", "strongswan"), required=True, help="initiator")
    p.add_argument("--b", choices=("keyrack", "strongswan"), required=True, help="responder")
    p.add_argument("--keep", action="store_true", help="keep the logs")
    return p.parse_args()


def make(args, lab, name):
    kind = getattr(args, name)
    more = keyrack.OFFLOAD | {"per_cpu_sas": QUEUES} if kind == "keyrack" else {}
    section = gateway.connections(name, IKE, {"net": gateway.child(name, ESP, COUNTS[kind], **more)})
    if kind == "strongswan":
        return StrongSwan(lab.hosts[name], section, gateway.secrets())
    return Keyrack(lab.hosts[name], section, gateway.secrets(), args.bin, queues=QUEUES)


class Flows:
    """Packets from one host to the other, each counted."""

    SCRIPT = os.path.join(os.path.dirname(__file__), "udp_flows.py")

    def __init__(self, lab, kind, sender, receiver):
        self.name = f"{kind}'s packets"
        self.total = FLOWS * PACKETS[kind]
        self.receiver = self.start(lab.hosts[receiver], "receive", Lab.INNER[receiver], FLOWS, PACKETS[kind])
        require(self.receiver.stdout.readline(), f"{self.name}: no receiver")
        self.sender = self.start(lab.hosts[sender], "send", Lab.INNER[sender], SOURCE_PORT[sender], Lab.INNER[receiver],
                                 FLOWS, PACKETS[kind], INTERVAL_MS[kind])

    def start(self, host, *argv):
        return subprocess.Popen([*host.enter, sys.executable, "-B", self.SCRIPT, *map(str, argv)],
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
                                preexec_fn=die_with_parent)

    def finish(self):
        """Every packet must have come, once."""
        for p in (self.sender, self.receiver):
            text = p.communicate(timeout=60)[0].strip()
            require(p.returncode == 0, f"{self.name}: ended with status {p.returncode}")
        print(f"{self.name}: {text}")
        require(text.startswith(f"{self.total} of") and ", 0 of" in text, f"{self.name}: {text}")


def at_rest(ours):
    """A Child SA for each queue and the fallback; those they have replaced are out of the card."""
    used = ours.ask_card(cmd="stats")["card"]["total"]["used"]
    return len(ours.swanctl.children()) == QUEUES + 1 and used == 2 * (QUEUES + 1)


def counted(ours):
    """Packets out and in that keyrack has seen in the card's counters so far."""
    rows = ours.keyrack("queues")
    return tuple(sum(int(row[f"total_packets_{direction}"]) for row in rows) for direction in ("out", "in"))


def all_counted(ours, sent, received):
    """But for what is sent on a redundant SA between the last look at its counters and its removal: part of one burst."""
    redundant = int(ours.keyrack("status")["counters"]["collisions"])
    got = counted(ours)
    return sent - FLOWS * redundant <= got[0] <= sent and got[1] == received


def check_queues(ours, sent, received):
    """Every queue has its own SA, in the card; if anything was sent, each has sent some; and all of it is counted."""
    wait_until(f"{sent} packets out and {received} in counted", 10, lambda: all_counted(ours, sent, received))
    rows = {row["queue"]: row for row in ours.keyrack("queues")}
    for name, row in rows.items():
        print(f"queue {name}: in {row['spi_in']}, out {row['spi_out']}, {row['total_packets_in']} packets in, "
              f"{row['total_packets_out']} out; {row['steering']}")
        require(name == "any" or not sent or int(row["total_packets_out"]), f"queue {name} has sent nothing")
    require(set(rows) == {"any", *map(str, range(QUEUES))}, f"keyrack has SAs for {', '.join(rows)}")
    ours.check_offloaded()


def check_counters(ours, theirs):
    counters = ours.keyrack("status")["counters"]
    for name in ("rekeys_failed", "admission_refused", "install_refused", "hard_expired"):
        require(int(counters[name]) == 0, f"keyrack counts {counters[name]} {name}")
    for name in ("rekeys_done", "rekeys_peer"):
        print(f"{name}: {counters[name]}")
        require(int(counters[name]) >= REKEYS_WANTED, f"keyrack counts {counters[name]} {name}")
    asked = set(re.findall(r"parsed CREATE_CHILD_SA request (\d+) \[ SA ", theirs.log()))
    require(len(asked) == QUEUES, f"keyrack has asked for {len(asked)} Child SAs, not {QUEUES}")


def run(args):
    check_machine([])
    strongswan.check_installed()
    with Lab(args.keep) as lab:
        gateways = {name: make(args, lab, name) for name in ("a", "b")}
        ours, theirs = sorted(gateways.values(), key=lambda gw: gw.kind)
        for gw in gateways.values():
            gw.start()
        gateways["a"].initiate()
        wait_until("five Child SAs, the same on both sides", 15, lambda: both_agree(gateways) and at_rest(ours))
        check_queues(ours, 0, 0)
        for flows in [Flows(lab, args.a, "a", "b"), Flows(lab, args.b, "b", "a")]:
            flows.finish()
        wait_until("the same Child SAs on both sides at rest", 10, lambda: both_agree(gateways))
        wait_until("the old ones out of the card", 10, lambda: at_rest(ours))
        check_queues(ours, FLOWS * PACKETS["keyrack"], FLOWS * PACKETS["strongswan"])
        check_counters(ours, theirs)
        lab.check()
        gateways["a"].terminate(ike="gw")
        for name, gw in gateways.items():
            wait_until(f"host {name} without SAs", 10, gw.is_empty)
            gw.check_clean()
        for gw in gateways.values():
            gw.stop()


if __name__ == "__main__":
    ARGS = arguments()
    main(lambda: run(ARGS), 100)
