#!/usr/bin/env python3
"""What card.sh needs and no command has:
  card.py frames DEVICE PEER-MAC  sends an Ethernet frame for each line of stdin: SRC DST WHAT [WITH]
      WHAT: echo (ICMP echo request), udp:LEN (with a wrong checksum: no host answers), ike:PORT (in UDP, with the
      marker of RFC 3948), esp:SPI:SEQ:LEN (LEN octets of nothing behind the header)
      WITH: options (IPv4 options, or an IPv6 destination options header), fragment (the second), short (an octet
      is missing)
  card.py udp PORT                a socket that takes ESP in UDP, until it is killed; it prints what it gets
  card.py sa DEVICE SRC DST SPI REQID PCPU
                                  an outbound packet-offload SA of one CPU, transport mode, the key of card.sh
"""
import os
import socket
import struct
import sys

UDP_ENCAP, UDP_ENCAP_ESPINUDP = 100, 2
NETLINK_XFRM, XFRM_MSG_NEWSA = 6, 0x10
XFRMA_ALG_AEAD, XFRMA_OFFLOAD_DEV, XFRMA_SA_DIR, XFRMA_SA_PCPU = 18, 28, 33, 35
XFRM_OFFLOAD_PACKET, XFRM_SA_DIR_OUT = 4, 2
INF = 2**64 - 1
KEY = bytes.fromhex("000102030405060708090a0b0c0d0e0faabbccdd")


def checksum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def upper(what, src, dst):
    """What an IP packet carries: its protocol and octets."""
    kind, *numbers = what.split(":")
    numbers = [int(n, 0) for n in numbers]
    if kind == "udp":
        return 17, struct.pack("!4H", 1000, 2000, 8 + numbers[0], 1) + bytes(numbers[0])
    if kind == "ike":
        return 17, struct.pack("!4H", numbers[0], numbers[0], 8 + 32, 0) + bytes(32)
    if kind == "esp":
        return 50, struct.pack("!2I", *numbers[:2]) + bytes(numbers[2])
    v6 = len(src) == 16
    icmp = struct.pack("!BBHHH", 128 if v6 else 8, 0, 0, 7, 1) + bytes(56)
    pseudo = src + dst + struct.pack("!IBBBB", len(icmp), 0, 0, 0, 58) if v6 else b""
    return 58 if v6 else 1, icmp[:2] + struct.pack("!H", checksum(pseudo + icmp)) + icmp[4:]


def packet4(src, dst, proto, data, extra):
    options = b"\1" * 4 if extra == "options" else b""
    fragment = 0x0010 if extra == "fragment" else 0
    size = 20 + len(options)
    head = struct.pack("!BBHHHBBH", 0x40 + size // 4, 0, size + len(data), 1, fragment, 64, proto, 0)
    head += src + dst + options
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + data


def packet6(src, dst, proto, data, extra):
    if extra == "options":
        proto, data = 60, struct.pack("!BB", proto, 0) + b"\1\4\0\0\0\0" + data
    if extra == "fragment":
        proto, data = 44, struct.pack("!BBHI", proto, 0, 0x10 << 3, 1) + data
    return struct.pack("!IHBB", 6 << 28, len(data), proto, 64) + src + dst + data


def frames(device, peer_mac):
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    sock.bind((device, 0))
    mac = sock.getsockname()[4]
    to = bytes.fromhex(peer_mac.replace(":", ""))
    for line in sys.stdin:
        src, dst, what, *extra = line.split()
        v6 = ":" in src
        family, build, ethertype = (socket.AF_INET6, packet6, 0x86DD) if v6 else (socket.AF_INET, packet4, 0x0800)
        src, dst = socket.inet_pton(family, src), socket.inet_pton(family, dst)
        packet = build(src, dst, *upper(what, src, dst), extra[0] if extra else "")
        sock.send(to + mac + struct.pack("!H", ethertype) + (packet[:-1] if extra == ["short"] else packet))


def udp(port):
    sock = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    sock.bind(("", int(port)))
    sock.setsockopt(socket.IPPROTO_UDP, UDP_ENCAP, UDP_ENCAP_ESPINUDP)
    print("ready", flush=True)
    while True:
        print("got", sock.recv(2048).hex(), flush=True)


def attribute(kind, data):
    return struct.pack("=HH", 4 + len(data), kind) + data + b"\0" * (-len(data) % 4)


def sa(device, src, dst, spi, reqid, pcpu):
    """struct xfrm_usersa_info and its attributes (include/uapi/linux/xfrm.h)"""
    address = {end: socket.inet_aton(end).ljust(16, b"\0") for end in (src, dst)}
    selector = bytes(40) + struct.pack("=HBBBxxxiI", socket.AF_INET, 0, 0, 0, 0, 0)
    identity = address[dst] + struct.pack("!IBxxx", int(spi, 0), 50)
    lifetime = struct.pack("=8Q", INF, INF, INF, INF, 0, 0, 0, 0)
    rest = struct.pack("=IIHBBB7x", 0, int(reqid), socket.AF_INET, 0, 0, 0)
    info = selector + identity + address[src] + lifetime + bytes(32 + 12) + rest
    info += attribute(XFRMA_ALG_AEAD, struct.pack("=64sII", b"rfc4106(gcm(aes))", 8 * len(KEY), 128) + KEY)
    info += attribute(XFRMA_SA_DIR, bytes([XFRM_SA_DIR_OUT]))
    info += attribute(XFRMA_SA_PCPU, struct.pack("=I", int(pcpu)))
    info += attribute(XFRMA_OFFLOAD_DEV, struct.pack("=iBxxx", socket.if_nametoindex(device), XFRM_OFFLOAD_PACKET))
    sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_XFRM)
    flags = 0x1 | 0x4 | 0x200 | 0x400  # REQUEST, ACK, EXCL, CREATE
    sock.send(struct.pack("=IHHII", 16 + len(info), XFRM_MSG_NEWSA, flags, 1, 0) + info)
    error = -struct.unpack_from("=i", sock.recv(65536), 16)[0]
    if error:
        sys.exit(f"NEWSA: {os.strerror(error)}")


if __name__ == "__main__":
    {"frames": frames, "udp": udp, "sa": sa}[sys.argv[1]](*sys.argv[2:])
