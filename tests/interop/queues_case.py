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
FLOWS, PACKETS, INTERVAL_MS = 16, 200, 50  # each way; enough flows for every queue to have some
# A TAP sends a flow on the queue on which the same ports, turned round, came in: no two flows may be like that.
SOURCE_PORT = {"a": 4000, "b": 4100}
# charon sends on the newest of its SAs only, keyrack on that of the flow's queue.
COUNTS = {"strongswan": {"packets": (100, 8000, 10)}, "keyrack": {"packets": (120, 8000, 20)}}
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

    def __init__(self, lab, sender, receiver):
        self.name = f"{sender} to {receiver}"
        self.receiver = self.start(lab.hosts[receiver], "receive", Lab.INNER[receiver], FLOWS, PACKETS)
        require(self.receiver.stdout.readline(), f"{self.name}: no receiver")
        self.sender = self.start(lab.hosts[sender], "send", Lab.INNER[sender], SOURCE_PORT[sender], Lab.INNER[receiver],
                                 FLOWS, PACKETS, INTERVAL_MS)

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
        require(text.startswith(f"{FLOWS * PACKETS} of") and ", 0 of" in text, f"{self.name}: {text}")


def queues(gw):
    """Queue SAs by queue, and the fallback as None."""
    rows = gw.keyrack("queues")
    return {row.get("queue"): row for row in rows}


def check_queues(gw):
    rows = queues(gw)
    print(rows)
    require(len(rows) == QUEUES + 1, f"{len(rows)} queues and fallback")


def check_counters(ours, theirs):
    counters = ours.keyrack("status")["counters"]
    print("keyrack:", {k: v for k, v in counters.items() if int(v)})
    for name in ("rekeys_failed", "admission_refused", "install_refused", "hard_expired"):
        require(int(counters[name]) == 0, f"keyrack counts {counters[name]} {name}")
    for name in ("rekeys_done", "rekeys_peer"):
        require(int(counters[name]) >= REKEYS_WANTED, f"keyrack counts {counters[name]} {name}")
    made = len(set(re.findall(r"CHILD_SA net\{(\d+)\} established", theirs.log())))
    replaced = theirs.rekeys()
    print(f"charon: {made} Child SAs established, {replaced} rekeys")


def run(args):
    check_machine([])
    strongswan.check_installed()
    with Lab(args.keep) as lab:
        gateways = {name: make(args, lab, name) for name in ("a", "b")}
        ours, theirs = sorted(gateways.values(), key=lambda gw: gw.kind)
        for gw in gateways.values():
            gw.start()
        gateways["a"].initiate()
        wait_until("five Child SAs, the same on both sides", 15,
                   lambda: both_agree(gateways) and len(ours.swanctl.children()) == QUEUES + 1)
        check_queues(ours)
        for flows in [Flows(lab, "a", "b"), Flows(lab, "b", "a")]:
            flows.finish()
        wait_until("the same Child SAs on both sides at rest", 10, lambda: both_agree(gateways))
        check_queues(ours)
        check_counters(ours, theirs)
        ours.check_offloaded()
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
