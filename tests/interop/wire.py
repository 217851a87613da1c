#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A cable between the interfaces to-a and to-b that treats IKE badly and everything else well.

IKE messages are held back, so that both sides' requests cross on the way, and every n-th is lost. It runs in a
namespace of its own between the two hosts.
"""
import argparse
import heapq
import select
import socket
import struct
import time

ETH_P_ALL, ETH_P_IP, UDP = 3, 0x0800, 17
MTU = 9000


def udp_offset(frame):
    """Where the UDP header of an unfragmented IPv4 frame is, or 0."""
    if len(frame) < 42 or struct.unpack_from("!H", frame, 12)[0] != ETH_P_IP or frame[23] != UDP:
        return 0
    return 14 + (frame[14] & 15) * 4


def is_ike(frame, at):
    """Port 500, or port 4500 with the non-ESP marker (RFC 3948 2.2)."""
    ports = struct.unpack_from("!HH", frame, at)
    return 500 in ports or (4500 in ports and frame[at + 8:at + 12] == bytes(4))


class Cable:
    def __init__(self, delay, drop):
        self.delay = delay
        self.drop = drop
        self.seen = 0
        self.held = []  # (due, order, out, frame)
        self.ends = []
        for name in ("to-a", "to-b"):
            s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
            s.bind((name, 0))
            s.setblocking(False)
            self.ends.append(s)

    def take(self, s, out):
        frame, address = s.recvfrom(MTU)
        if address[2] == socket.PACKET_OUTGOING:
            return
        frame = bytearray(frame)
        at = udp_offset(frame)
        if at:
            # A veth leaves the checksum to hardware that is not there; in IPv4 none is as good.
            frame[at + 6:at + 8] = bytes(2)
        if not at or not is_ike(frame, at):
            out.send(frame)
            return
        self.seen += 1
        if self.drop and self.seen % self.drop == 0:
            return
        heapq.heappush(self.held, (time.monotonic() + self.delay, self.seen, out, frame))

    def run(self):
        a, b = self.ends
        while True:
            wait = max(0, self.held[0][0] - time.monotonic()) if self.held else None
            for s in select.select(self.ends, [], [], wait)[0]:
                self.take(s, b if s is a else a)
            while self.held and self.held[0][0] <= time.monotonic():
                _, _, out, frame = heapq.heappop(self.held)
                out.send(frame)


if __name__ == "__main__":
    P = argparse.ArgumentParser()
    P.add_argument("--delay-ms", type=int, default=0, help="hold back IKE messages so long")
    P.add_argument("--drop", type=int, default=0, help="lose every n-th IKE message; 0: none")
    ARGS = P.parse_args()
    CABLE = Cable(ARGS.delay_ms / 1000, ARGS.drop)
    print("ready", flush=True)
    CABLE.run()
