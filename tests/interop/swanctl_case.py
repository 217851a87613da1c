#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Debian's swanctl drives keyrackd as it drives charon: every command that an operator uses, and its errors."""
import argparse
import re

import gateway
import keyrack
import strongswan
from keyrack import Keyrack
from netlab import Lab, check_machine, main, require, wait_until
from strongswan import StrongSwan

IKE, ESP = "aes256gcm16-prfsha384-x25519", "aes256gcm16-x25519"


def expect(swanctl, argv, *patterns, fails=False):
    """The command must end 0 (or not, if `fails`) and its output match every pattern."""
    ok, text = swanctl.try_run(*argv)
    print(f"swanctl {' '.join(argv)}")
    require(ok != fails, f"swanctl {' '.join(argv)} {'did not fail' if ok else 'failed'}: {text}")
    for pattern in patterns:
        require(re.search(pattern, text, re.MULTILINE), f"swanctl {' '.join(argv)}: no '{pattern}' in: {text}")
    return text


def load(gw):
    expect(gw.swanctl, ["--stats"], r"^uptime: ", r"^loaded plugins: ")
    expect(gw.swanctl, ["--version", "--daemon"], r"\S+ \S+ \(Linux, ")
    expect(gw.swanctl, ["--load-all"], r"loaded ike secret 'ike-1'", r"loaded connection 'gw'",
           r"successfully loaded 1 connections, 0 unloaded")
    expect(gw.swanctl, ["--list-conns"], r"^gw: IKEv2", r"^  local:  10\.99\.0\.1", r"^  remote: 10\.99\.0\.2",
           r"^  local pre-shared key authentication:", r"^    id: a\.example\.net", r"^    id: b\.example\.net",
           r"^  net: TUNNEL", r"^    local:  10\.1\.0\.0/24", r"^    remote: 10\.2\.0\.0/24")


def bring_up(gw):
    expect(gw.swanctl, ["--initiate", "--child", "net", "--timeout", "10"], r"^initiate completed successfully")
    expect(gw.swanctl, ["--list-sas"], r"^gw: #\d+, ESTABLISHED, IKEv2, [0-9a-f]{16}_i\*? [0-9a-f]{16}_r",
           r"^  local  'a\.example\.net' @ 10\.99\.0\.1\[(500|4500)\]", r"^  remote 'b\.example\.net' @ 10\.99\.0\.2",
           r"^  AES_GCM_16-256/PRF_HMAC_SHA2_384/CURVE_25519", r"^  established \d+s ago",
           r"^  net: #\d+, reqid \d+, INSTALLED, TUNNEL", r"ESP:AES_GCM_16-256", r"^    in  [0-9a-f]{8},",
           r"^    out [0-9a-f]{8},", r"^    local  10\.1\.0\.0/24", r"^    remote 10\.2\.0\.0/24")
    gw.check_offloaded()
    expect(gw.swanctl, ["--list-sas", "--ike", "nobody"])
    expect(gw.swanctl, ["--list-pols"])


def rekey(gw, peer):
    child = gw.swanctl.children()[0]
    expect(gw.swanctl, ["--rekey", "--child", "net"], r"rekey completed successfully")
    wait_until("another Child SA", 10, lambda: [c["spi-in"] for c in gw.swanctl.children()
                                                if c["state"] == "INSTALLED"] not in ([], [child["spi-in"]]))
    old = list(gw.swanctl.sas())
    expect(gw.swanctl, ["--rekey", "--ike", "gw"], r"rekey completed successfully")
    wait_until("another IKE SA", 10, lambda: len(gw.swanctl.sas()) == 1 and list(gw.swanctl.sas()) != old)
    wait_until("its Child SA on both sides", 15,
               lambda: len(gw.swanctl.children()) == 1 and len(peer.swanctl.children()) == 1)


def reload(gw, changed, original):
    """Unchanged: nothing happens. Gone from the file: unloaded. Wrong: refused with the reason."""
    before = set(gw.swanctl.sas())
    expect(gw.swanctl, ["--load-conns"], r"loaded connection 'gw'", r"successfully loaded 1 connections, 0 unloaded")
    require(set(gw.swanctl.sas()) == before, "loading the same connection again changed its SAs")
    expect(gw.swanctl, ["--load-pools"])
    gw.host.write("swanctl/swanctl.conf", changed)
    expect(gw.swanctl, ["--load-conns"], r"loading connection 'gw' failed: .*rekey_packets", fails=True)
    gw.host.write("swanctl/swanctl.conf", original)


def terminate(gw, peer):
    expect(gw.swanctl, ["--initiate", "--child", "nobody"], fails=True)
    expect(gw.swanctl, ["--rekey", "--child", "nobody"], fails=True)
    expect(gw.swanctl, ["--terminate", "--ike", "nobody"], r"no matching SAs", fails=True)
    expect(gw.swanctl, ["--terminate", "--child", "net"], r"^terminate completed successfully")
    wait_until("no Child SA", 10, lambda: not gw.swanctl.children() and not peer.swanctl.children())
    expect(gw.swanctl, ["--initiate", "--child", "net"], r"^initiate completed successfully")
    # While it is being replaced: neither the old nor the new one may stay.
    expect(gw.swanctl, ["--rekey", "--child", "net"])
    expect(gw.swanctl, ["--terminate", "--child", "net"], r"^terminate completed successfully")
    wait_until("no Child SA", 10, lambda: not gw.swanctl.children() and not peer.swanctl.children())
    expect(gw.swanctl, ["--initiate", "--child", "net"], r"^initiate completed successfully")
    expect(gw.swanctl, ["--terminate", "--ike", "gw", "--timeout", "10"], r"^terminate completed successfully")
    for side in (gw, peer):
        wait_until("no SA", 10, side.is_empty)
        side.check_clean()


def run(args):
    check_machine([])
    strongswan.check_installed()
    with Lab(args.keep) as lab:
        host = lab.hosts["a"]
        more = keyrack.OFFLOAD if args.a == "keyrack" else {}
        section = gateway.connections("a", IKE, {"net": gateway.child("a", ESP, **more)}) + gateway.secrets()
        if args.a == "keyrack":
            gw = Keyrack(host, "", "", args.bin)  # everything comes over the control socket
        else:
            gw = StrongSwan(host, "", "")
        peer = StrongSwan(lab.hosts["b"], gateway.connections("b", IKE, {"net": gateway.child("b", ESP)}),
                          gateway.secrets())
        gw.start()
        peer.start()
        host.write("swanctl/swanctl.conf", section)
        watchers = [host.start(f"swanctl-{option}", "stdbuf", "-oL", "swanctl", f"--{option}", "--raw",
                               "--uri", f"unix://{gw.socket}", env=gw.swanctl.env) for option in ("log", "monitor-sa")]
        load(gw)
        bring_up(gw)
        rekey(gw, peer)
        reload(gw, section.replace("rekey_time = 0", "rekey_packets = many"), section)
        terminate(gw, peer)
        host.write("swanctl/swanctl.conf", gateway.secrets())
        expect(gw.swanctl, ["--load-conns"], r"unloaded connection 'gw'|no connections found, 1 unloaded")
        expect(gw.swanctl, ["--list-conns"])
        lab.check()
        for watcher in watchers:
            host.processes.remove(watcher)
            watcher.kill()
        for event in ("ike-updown", "child-updown"):
            require(event in host.log("swanctl-monitor-sa.log"), f"swanctl --monitor-sa did not show {event}")
        require("established" in host.log("swanctl-log.log"), "swanctl --log did not show that an SA was established")
        gw.stop()
        peer.stop()


if __name__ == "__main__":
    P = argparse.ArgumentParser()
    P.add_argument("--bin", required=True, help="where keyrackd, keyrack and keyrack-hwsim are")
    P.add_argument("--a", choices=("keyrack", "strongswan"), default="keyrack", help="who is driven")
    P.add_argument("--keep", action="store_true", help="keep the logs")
    ARGS = P.parse_args()
    main(lambda: run(ARGS), 100)
