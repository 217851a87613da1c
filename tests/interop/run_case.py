#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""One tunnel between two gateways: up, traffic over many rekeys without a lost packet, liveness, delete, empty.

Host a initiates. CMakeLists.txt has the table of cases.
"""
import argparse
import re

import gateway
import keyrack
import strongswan
from keyrack import Keyrack
from netlab import Lab, check_machine, main, require, wait_until
from strongswan import StrongSwan

IKE = {"x25519": "aes128gcm16-prfsha256-x25519", "ecp256": "aes128gcm16-prfsha256-ecp256",
       "x25519-aes256": "aes256gcm16-prfsha384-x25519"}
# Far apart: a busy test machine must not turn a late replacement into an expired SA.
COUNTS = {"packets": (80, 2000, 20)}
COUNTS_TOGETHER = {"packets": (80, 2000, 0)}  # both sides at the same packet: simultaneous rekeys
# slow: requests of both sides cross, so that simultaneous rekeys are certain.
PATHS = {"good": {}, "slow": {"delay_ms": 30}, "lossy": {"delay_ms": 5, "drop": 7}}
REKEYS_WANTED = 5
PING_INTERVAL = "0.01"
VENDOR_ID = "6264d9dca1045b07a99a3645ff047a1c"  # ike/vendor.c
# At most 80 packets a key and direction: seven keys and more; where requests are lost, a key is used for longer.
PINGS = {"good": 750, "slow": 850, "lossy": 1000}


def arguments():
    p = argparse.ArgumentParser()
    p.add_argument("--bin", required=True, help="where keyrackd, keyrack and keyrack-hwsim are")
    p.add_argument("--a", choices=("keyrack", "strongswan"), required=True, help="initiator")
    p.add_argument("--b", choices=("keyrack", "strongswan"), required=True, help="responder")
    p.add_argument("--ike", choices=IKE, default="x25519")
    p.add_argument("--esp", default="aes128gcm16")
    p.add_argument("--rekeyer", choices=("a", "b", "both"), required=True, help="whose packet counts are set")
    p.add_argument("--dpd", choices=("a", "b", "none"), default="none", help="who checks for liveness")
    p.add_argument("--closer", choices=("a", "b"), default="a", help="who deletes")
    p.add_argument("--close", choices=("ike", "child", "stop"), default="ike",
                   help="delete the IKE SA, the Child SA and then the IKE SA, or end the daemon")
    p.add_argument("--path", choices=PATHS, default="good", help="what happens to IKE messages on the way")
    p.add_argument("--keep", action="store_true", help="keep the logs")
    return p.parse_args()


def make(args, lab, name):
    counts = {"both": COUNTS_TOGETHER, name: COUNTS}.get(args.rekeyer)
    kind = getattr(args, name)
    child = gateway.child(name, args.esp, counts, **(keyrack.OFFLOAD if kind == "keyrack" else {}))
    section = gateway.connections(name, IKE[args.ike], {"net": child}, dpd=1 if args.dpd == name else 0)
    if kind == "strongswan":
        return StrongSwan(lab.hosts[name], section, gateway.secrets())
    profile = keyrack.ENCAP_PROFILE if "strongswan" in (args.a, args.b) else "cx7"
    return Keyrack(lab.hosts[name], section, gateway.secrets(), args.bin, profile)


def ping(lab, count):
    """Every packet must come back, once."""
    out = lab.hosts["a"].try_run("ping", "-q", "-i", PING_INTERVAL, "-c", str(count), "-W", "2", "-I", Lab.INNER["a"],
                                 Lab.INNER["b"], seconds=60).stdout
    print(out.strip().splitlines()[-2])
    got = re.search(r"(\d+) packets transmitted, (\d+) received(.*?), ([\d.]+)% packet loss", out)
    require(got, f"ping said: {out}")
    require(got[1] == got[2] and not got[3], f"ping: {got[0]}")


def child_views(gateways):
    """The Child SAs' SPIs as each side sees them: what one calls inbound is the other's outbound."""
    views = {}
    for name, gw in gateways.items():
        views[name] = {(c["spi-in"], c["spi-out"]) for c in gw.swanctl.children() if c["state"] == "INSTALLED"}
    return views["a"], {(o, i) for i, o in views["b"]}


def both_agree(gateways):
    a, b = child_views(gateways)
    return a and a == b


def check_rekeys(args, gateways):
    """At rest both sides have counted the same: of two simultaneous rekeys one is redundant, and neither counts it."""
    wait_until("the same number of rekeys on both sides", 10, lambda: gateways["a"].rekeys() == gateways["b"].rekeys())
    for name, gw in gateways.items():
        n, collisions = gw.rekeys(), gw.collisions()
        print(f"{gw.kind} on host {name} counts {n} rekeys, {collisions} collisions")
        require(n >= REKEYS_WANTED, f"host {name} ({gw.kind}) has seen {n} rekeys, wanted {REKEYS_WANTED}")
    if args.rekeyer == "both" and args.path == "slow":
        require(any(gw.collisions() for gw in gateways.values()), "both sides rekeyed, but never at the same time")


def check_liveness(args, gateways):
    """No traffic: then the side with dpd_delay must ask and get answers, as charon's log shows."""
    if args.dpd == "none":
        return
    for name, gw in gateways.items():
        if gw.kind != "strongswan":
            continue
        sent, received = gw.liveness()
        mine = args.dpd == name
        wait_until("two liveness exchanges", 15,
                   lambda: gw.liveness()[0] >= sent + 2 if mine else gw.liveness()[1] >= received + 2)
        print(f"liveness: {gw.liveness()} (asked and answered, answered) by charon")


def check_private(args, gateways):
    """
    strongSwan ignores our Vendor ID, sees it only where keyrack begins, and never a notify that has a meaning only
    between two of us.
    """
    for name, gw in gateways.items():
        if gw.kind != "strongswan":
            continue
        seen = VENDOR_ID in gw.vendor_ids()
        print(f"charon was{'' if seen else ' not'} sent our vendor ID, and {gw.private_notifies()} as private notifies")
        require(seen == (args.a == "keyrack"), "our vendor ID goes to those whom we ask, and to those who sent it")
        require(not gw.private_notifies(), "charon was sent private notifies")


def close(args, gateways):
    closer = gateways[args.closer]
    if args.close == "stop":
        closer.stop()
    else:
        if args.close == "child":
            closer.terminate(child="net")
            wait_until("the Child SA gone on both sides", 10,
                       lambda: not any(gw.swanctl.children() for gw in gateways.values()))
        closer.terminate(ike="gw")
    for name, gw in gateways.items():
        if args.close == "stop" and name == args.closer:
            continue
        wait_until(f"host {name} without SAs", 10, gw.is_empty)
        gw.check_clean()


def run(args):
    check_machine([])
    if "strongswan" in (args.a, args.b):
        strongswan.check_installed()
    with Lab(args.keep, **PATHS[args.path]) as lab:
        gateways = {name: make(args, lab, name) for name in ("a", "b")}
        for gw in gateways.values():
            gw.start()
        gateways["a"].initiate()
        wait_until("the same Child SA on both sides", 10, lambda: both_agree(gateways))
        ping(lab, PINGS[args.path])
        wait_until("the same Child SAs on both sides at rest", 10, lambda: both_agree(gateways))
        check_rekeys(args, gateways)
        for gw in gateways.values():
            gw.check_offloaded()
        check_liveness(args, gateways)
        check_private(args, gateways)
        lab.check()
        close(args, gateways)
        for name, gw in gateways.items():
            if args.close != "stop" or name != args.closer:
                gw.stop()


if __name__ == "__main__":
    ARGS = arguments()
    main(lambda: run(ARGS), 100)
