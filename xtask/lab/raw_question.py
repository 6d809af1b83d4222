"""A raw question and answer: one question to the group, from a port of our own; prints the milliseconds until its answer.

  raw_question.py SOURCE NAME    asks for the addresses of NAME.local by eth0, which has the address SOURCE, in the family of that
"""

import socket
import struct
import sys
import time

source, name = sys.argv[1], sys.argv[2].encode()
is_v6 = ":" in source
index = socket.if_nametoindex("eth0")
with socket.socket(socket.AF_INET6 if is_v6 else socket.AF_INET, socket.SOCK_DGRAM) as asker:
    asker.settimeout(3)
    if is_v6:
        asker.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, index)
        group = ("ff02::fb", 5353, 0, index)
    else:
        asker.bind((source, 0))
        asker.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(source))
        group = ("224.0.0.251", 5353)
    wanted = 28 if is_v6 else 1
    question = bytes([len(name)]) + name + b"\x05local\x00" + struct.pack("!2H", wanted, 1)
    message = struct.pack("!6H", 4711, 0, 1, 0, 0, 0) + question
    start = time.monotonic()
    asker.sendto(message, group)
    packet, _ = asker.recvfrom(9000)
    elapsed = time.monotonic() - start
identity, flags, _, answers = struct.unpack("!4H", packet[:8])
assert identity == 4711 and flags & 0x8000 and answers > 0
print(elapsed * 1e3)
