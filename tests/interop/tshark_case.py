#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Wireshark as a witness: given the keys, it must decode every IKE message that two keyrackd exchange.

Every encrypted message must be decrypted with a right integrity check, none may be marked malformed, and all kinds of
exchange must have been seen, each in both directions.
"""
import argparse
import os
import subprocess
import tempfile

import gateway
from keyrack import OFFLOAD, Keyrack
from netlab import Lab, Failure, check_machine, main, require, wait_until

FIELDS = ("frame.number", "isakmp.ispi", "isakmp.exchangetype", "isakmp.flag_i", "isakmp.flag_r", "isakmp.messageid",
          "isakmp.typepayload", "isakmp.notify.msgtype", "isakmp.prop.protoid", "isakmp.delete.protoid",
          "isakmp.enc.decrypted", "_ws.malformed", "_ws.expert.message", "_ws.expert.severity")
SA_INIT, AUTH, CREATE_CHILD_SA, INFORMATIONAL = 34, 35, 36, 37
SA, DELETE, ENCRYPTED = 33, 42, 46
REKEY_SA = 16393
OPTIMIZED_REKEY = 0xcb04  # a private-use number of keyrack's (ike/ike.h)
EXPERT_WARNING = 0x600000  # Wireshark's PI_WARN; what is below is chat and notes


def tshark(pcap, rows):
    """The IKE messages in a capture, as dictionaries of lists. rows: of the ikev2_decryption_table."""
    with tempfile.TemporaryDirectory(prefix="keyrack-wireshark-") as config:
        with open(os.path.join(config, "ikev2_decryption_table"), "w", encoding="ascii") as f:
            f.writelines(row.strip() + "\n" for row in rows)
        argv = ["tshark", "-n", "-r", pcap, "-Y", "isakmp && !icmp", "-T", "fields", "-E", "separator=|",
                "-E", "aggregator=;"]
        for field in FIELDS:
            argv += ["-e", field]
        done = subprocess.run(argv, env={**os.environ, "WIRESHARK_CONFIG_DIR": config}, capture_output=True, text=True,
                              timeout=60)
    require(done.returncode == 0, f"tshark ended {done.returncode}: {done.stderr.strip()}")
    return [{field: value.split(";") if value else [] for field, value in zip(FIELDS, line.split("|"))}
            for line in done.stdout.splitlines()]


def number(message, field):
    return [int(v, 0) for v in message[field]]


def check_message(m):
    where = f"frame {m['frame.number'][0]}, exchange {m['isakmp.exchangetype'][0]}, id {m['isakmp.messageid'][0]}"
    require(not m["_ws.malformed"], f"{where}: tshark calls it malformed: {m['_ws.expert.message']}")
    worst = max(number(m, "_ws.expert.severity"), default=0)
    require(worst < EXPERT_WARNING, f"{where}: tshark says: {'; '.join(m['_ws.expert.message'])}")
    if number(m, "isakmp.exchangetype")[0] == SA_INIT:
        return
    require(ENCRYPTED in number(m, "isakmp.typepayload"), f"{where}: not encrypted")
    require(m["isakmp.enc.decrypted"], f"{where}: tshark could not decrypt it")


def kind(m):
    """What a message is for: a name and request or response."""
    exchange = number(m, "isakmp.exchangetype")[0]
    payloads, notifies = number(m, "isakmp.typepayload"), number(m, "isakmp.notify.msgtype")
    if exchange == SA_INIT:
        name = "IKE_SA_INIT"
    elif exchange == AUTH:
        name = "IKE_AUTH"
    elif exchange == CREATE_CHILD_SA:
        protocol = number(m, "isakmp.prop.protoid")
        optimized = OPTIMIZED_REKEY in notifies
        name = ("optimized rekey of a Child SA" if optimized and REKEY_SA in notifies
                else "optimized rekey of the IKE SA" if optimized
                else "rekey of the IKE SA" if 1 in protocol else "rekey of a Child SA" if REKEY_SA in notifies
                else "new Child SA" if SA in payloads else "refused CREATE_CHILD_SA")
    elif exchange == INFORMATIONAL:
        name = "delete" if DELETE in payloads else "liveness"
    else:
        raise Failure(f"frame {m['frame.number'][0]} has exchange type {exchange}")
    return name, "response" if m["isakmp.flag_r"][0] in ("1", "True") else "request"


def name_exchanges(messages):
    """kind() for all, a response having the name of its request: a response to a rekey does not say so itself."""
    requests, kinds = {}, []
    for m in messages:
        name, way = kind(m)
        # One side's requests and the other side's answers: initiator flag and response flag differ or not.
        key = (m["isakmp.ispi"][0], m["isakmp.messageid"][0],
               (m["isakmp.flag_i"][0] in ("1", "True")) != (way == "response"))
        if way == "request":
            requests[key] = name
        elif requests.get(key, name) != name and name in ("new Child SA", "liveness", "optimized rekey of the IKE SA"):
            name = requests[key]
        kinds.append((name, way))
    return kinds


def check_capture(pcap, rows):
    messages = tshark(pcap, rows)
    for m in messages:
        check_message(m)
    kinds = name_exchanges(messages)
    for name in ("IKE_SA_INIT", "IKE_AUTH", "new Child SA", "rekey of a Child SA", "optimized rekey of a Child SA",
                 "optimized rekey of the IKE SA", "liveness", "delete"):
        for way in ("request", "response"):
            n = kinds.count((name, way))
            print(f"{n:4} {name} {way}")
            require(n, f"no {name} {way} was captured")
    print(f"{len(messages)} IKE messages, all decoded")


def capture_start(host):
    pcap = host.path("wire.pcapng")
    dumpcap = host.start("dumpcap", "dumpcap", "-q", "-i", "wire", "-f", "udp port 500 or udp port 4500", "-w", pcap)
    wait_until("dumpcap capturing", 10, lambda: dumpcap.check() or "File:" in host.log("dumpcap.log"))
    return dumpcap, pcap


def exchange_everything(lab, a, b):
    a.initiate("net")
    a.initiate("more")
    a.rekey(child="net")
    wait_until("the Child SA replaced", 10, lambda: b.rekeys() >= 1 and len(b.swanctl.children()) == 2)
    b.rekey(child="more")
    wait_until("the other Child SA replaced", 10, lambda: a.rekeys() >= 2 and len(a.swanctl.children()) == 2)
    for side in (a, b):
        before = set(side.swanctl.sas())
        side.rekey(ike="gw")
        wait_until("a new IKE SA", 10, lambda: len(side.swanctl.sas()) == 1 and set(side.swanctl.sas()) != before)
    quiet = a.liveness()[0]
    wait_until("liveness", 10, lambda: a.liveness()[0] >= quiet + 3)  # more than the deletes that may be under way
    a.terminate(child="more")
    b.terminate(ike="gw")
    for gw in (a, b):
        wait_until("no SA left", 10, gw.is_empty)
    lab.check()


def run(args):
    check_machine(["tshark", "dumpcap"])
    with Lab(args.keep) as lab:
        gateways = {}
        for name, host in lab.hosts.items():
            children = {"net": gateway.child(name, args.esp, **OFFLOAD),
                        "more": gateway.child(name, args.esp, nets=Lab.MORE_NET, **OFFLOAD)}
            section = gateway.connections(name, args.ike, children, dpd=1 if name == "a" else 0)
            gateways[name] = Keyrack(host, section, gateway.secrets(), args.bin, "cx7",
                                     options=("--dump-keys", host.path("keys")))
        for gw in gateways.values():
            gw.start()
        dumpcap, pcap = capture_start(lab.hosts["a"])
        exchange_everything(lab, gateways["a"], gateways["b"])
        lab.hosts["a"].processes.remove(dumpcap)
        require(dumpcap.stop() == 0, "dumpcap failed")
        check_capture(pcap, lab.hosts["a"].log("keys").splitlines())
        for gw in gateways.values():
            gw.stop()


if __name__ == "__main__":
    P = argparse.ArgumentParser()
    P.add_argument("--bin", required=True, help="where keyrackd, keyrack and keyrack-hwsim are")
    P.add_argument("--ike", default="aes128gcm16-prfsha256-x25519")
    P.add_argument("--esp", default="aes128gcm16-x25519")
    P.add_argument("--keep", action="store_true", help="keep the logs")
    ARGS = P.parse_args()
    main(lambda: run(ARGS), 100)
