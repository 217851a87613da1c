#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Numbered UDP packets one way, in several flows (by source port).

udp_flows.py send FROM PORT TO FLOWS PACKETS MS: source ports from PORT on; of each flow so many packets, one every MS ms.
udp_flows.py receive AT FLOWS PACKETS: until all have come or two seconds pass without one; says what came.
"""
import collections
import socket
import struct
import sys
import time

PORT = 5001
NUMBER = struct.Struct("!II")
FIRST_SECONDS, SILENT_SECONDS = 20, 2


def send(source, first_port, to, flows, packets, ms):
    sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(flows)]
    for flow, s in enumerate(sockets):
        s.bind((source, first_port + flow))
    start = time.monotonic()
    for n in range(packets):
        for flow, s in enumerate(sockets):
            s.sendto(NUMBER.pack(flow, n), (to, PORT))
        time.sleep(max(0, start + (n + 1) * ms / 1000 - time.monotonic()))


def receive(at, flows, packets):
    got = collections.Counter()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind((at, PORT))
        print("ready", flush=True)
        s.settimeout(FIRST_SECONDS)
        try:
            while len(got) < flows * packets:
                got[NUMBER.unpack(s.recv(NUMBER.size))] += 1
                s.settimeout(SILENT_SECONDS)
        except TimeoutError:
            pass
    print(f"{len(got)} of {flows * packets} arrived, {sum(n > 1 for n in got.values())} of them twice")


if __name__ == "__main__":
    if sys.argv[1] == "send":
        send(sys.argv[2], int(sys.argv[3]), sys.argv[4], *map(int, sys.argv[5:]))
    else:
        receive(sys.argv[2], *map(int, sys.argv[3:]))
