"""A hostile host: datagrams to the group, as many as are asked for in each second, each tenth of them of the next kind.

  flood.py ADDRESS LABEL SECONDS RATE    ADDRESS is our own; LABEL.local, LABEL._http._tcp.local are whom it is about

Prints how many were sent.
"""

import random
import socket
import struct
import sys
import time

address, label, seconds, rate = sys.argv[1], sys.argv[2].encode(), int(sys.argv[3]), int(sys.argv[4])
chance = random.Random(7)
group = ("224.0.0.251", 5353)


def name(*labels):
    return b"".join(bytes([len(part)]) + part for part in labels) + b"\0"


instance = name(label, b"_http", b"_tcp", b"local")
host = name(label, b"local")


def header(flags, questions, answers):
    return struct.pack("!6H", 0, flags, questions, answers, 0, 0)


def record(owner, rtype, rclass, ttl, rdata):
    return owner + struct.pack("!HHIH", rtype, rclass, ttl, len(rdata)) + rdata


def distinct(number):
    """Records that nobody asked for, each new."""
    owner = name(b"_flood", b"_tcp", b"local")
    return header(0x8400, 0, 20) + b"".join(
        record(owner, 12, 1, 4500, name(b"f%d-%d" % (number, n), b"_flood", b"_tcp", b"local")) for n in range(20)
    )


def large(_):
    """As large as a packet may be, of owners at the end of pointers."""
    first = record(host, 1, 0x8001, 0, bytes(4))
    rest = b"".join(record(struct.pack("!H", 0xC00C), 1, 0x8001, 0, bytes([10, n % 256, n // 256, 1])) for n in range(540))
    return header(0x8400, 0, 541) + first + rest


kinds = [
    distinct,
    large,
    lambda _: b"",
    lambda _: chance.randbytes(chance.randrange(1, 600)),
    lambda _: header(0, 1, 0) + instance + struct.pack("!2H", 255, 0x8001),
    lambda _: header(0, 40, 0) + (instance + struct.pack("!2H", 255, 1)) * 40,
    lambda _: header(0x8400, 0, 1) + record(instance, 33, 0x8001, 0, struct.pack("!3H", 0, 0, 1) + host),
    lambda _: header(0x8400, 0, 1) + record(name(b"_http", b"_tcp", b"local"), 12, 1, 0, instance),
    lambda _: header(0x0200, 1, 0) + name(b"_http", b"_tcp", b"local") + struct.pack("!2H", 12, 1),
    lambda _: header(0x8400, 0, 60000) + host,
]

with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
    sender.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sender.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 255)
    sender.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(address))
    sender.bind((address, 5353))
    start, sent = time.monotonic(), 0
    while sent < seconds * rate:
        sender.sendto(kinds[sent % len(kinds)](sent), group)
        sent += 1
        ahead = sent / rate - (time.monotonic() - start)
        if ahead > 0:
            time.sleep(ahead)
print(sent)
