#!/usr/bin/env python3
"""The DS fields of a tunnel's packets: what the outer header gets, and what it leaves to the inner one.

  dsfield.py MAC    the hosts' network namespaces are /run/netns/a and b, MAC is that of a's card. b's own ESP does not
                    go to its card, pk1, but to d0, where nobody is: from there it comes here, gets another DS field in
                    the outer header, and goes out by pk1. pk1 has no GRO, which would decrypt before we see a packet.
Prints for each IP version: `4 out` and the outer header's of a's packets, for the inner fields of INNER in turn; `4 in`
and what a program on a gets, for each field of INNER with each of OUTER.
"""
import ctypes
import os
import socket
import struct
import sys

from card import checksum

CLONE_NEWNET = 0x40000000
ETH_P_ALL, ETHERNET = 0x0003, 14
PORT, SECONDS = 7000, 10
INNER, OUTER = [0xB8 + ecn for ecn in range(4)], [0x28 + ecn for ecn in range(4)]
ADDRESS = {4: {"a": "10.0.0.1", "b": "10.0.0.2"}, 6: {"a": "fd00::1", "b": "fd00::2"}}
FAMILY = {4: socket.AF_INET, 6: socket.AF_INET6}
SET = {4: (socket.IPPROTO_IP, socket.IP_TOS), 6: (socket.IPPROTO_IPV6, socket.IPV6_TCLASS)}
TELL = {4: (socket.IPPROTO_IP, socket.IP_RECVTOS), 6: (socket.IPPROTO_IPV6, socket.IPV6_RECVTCLASS)}


def enter(host):
    with open(f"/run/netns/{host}", "rb") as netns:
        if ctypes.CDLL(None, use_errno=True).setns(netns.fileno(), CLONE_NEWNET):
            sys.exit(f"setns to {host}: {os.strerror(ctypes.get_errno())}")


def udp(host, version):
    enter(host)
    sock = socket.socket(FAMILY[version], socket.SOCK_DGRAM)
    sock.bind((ADDRESS[version][host], PORT))
    sock.setsockopt(*TELL[version], 1)
    sock.settimeout(SECONDS)
    return sock


def card(host, device):
    enter(host)
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
    sock.bind((device, ETH_P_ALL))
    sock.settimeout(SECONDS)
    return sock


def esp(sock, version):
    """The next ESP packet of this IP version, as a frame."""
    while True:
        frame = bytearray(sock.recv(2048))
        ip = frame[ETHERNET:]
        if ip[0] >> 4 == version and ip[9 if version == 4 else 6] == socket.IPPROTO_ESP:
            return frame


def ds_of(frame):
    word = struct.unpack_from("!H", frame, ETHERNET)[0]
    return word >> 4 & 0xFF if word >> 12 == 6 else word & 0xFF


def ds_set(frame, ds):
    ip = ETHERNET
    if frame[ip] >> 4 == 6:
        struct.pack_into("!H", frame, ip, 6 << 12 | ds << 4 | frame[ip + 1] & 0x0F)
        return
    frame[ip + 1] = ds
    frame[ip + 10:ip + 12] = bytes(2)
    struct.pack_into("!H", frame, ip + 10, checksum(bytes(frame[ip:ip + 20])))


def send(sock, version, to, ds):
    sock.setsockopt(*SET[version], ds)
    sock.sendto(b"?", (ADDRESS[version][to], PORT))


def told(sock):
    """The DS field of the next packet."""
    _, ancillary, _, _ = sock.recvmsg(64, 256)
    return ancillary[0][2][0]  # an octet for IPv4, an int for IPv6: the same on this machine


def main(mac):
    wire, lost = card("b", "pk1"), card("b", "d0")
    for version in (4, 6):
        ours, theirs = udp("a", version), udp("b", version)
        out, arrived = [], []
        for inner in INNER:
            send(ours, version, "b", inner)
            out.append(ds_of(esp(wire, version)))
        for inner in INNER:
            for outer in OUTER:
                send(theirs, version, "a", inner)
                frame = esp(lost, version)
                frame[:6] = bytes.fromhex(mac.replace(":", ""))
                ds_set(frame, outer)
                wire.send(frame)
                arrived.append(told(ours))
        for name, fields in (("out", out), ("in", arrived)):
            print(version, name, *(f"{ds:02x}" for ds in fields))


if __name__ == "__main__":
    main(*sys.argv[1:])
