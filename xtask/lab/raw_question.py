"""A raw question and answer: one question to the group, from a port of our own; prints the milliseconds until its answer.

  raw_question.py SOURCE NAME    asks for NAME.local A by the interface that has the address SOURCE
"""

import socket
import struct
import sys
import time

source, name = sys.argv[1], sys.argv[2].encode()
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asker:
    asker.settimeout(3)
    asker.bind((source, 0))
    asker.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(source))
    question = bytes([len(name)]) + name + b"\x05local\x00" + struct.pack("!2H", 1, 1)
    message = struct.pack("!6H", 4711, 0, 1, 0, 0, 0) + question
    start = time.monotonic()
    asker.sendto(message, ("224.0.0.251", 5353))
    packet, _ = asker.recvfrom(9000)
    elapsed = time.monotonic() - start
identity, flags, _, answers = struct.unpack("!4H", packet[:8])
assert identity == 4711 and flags & 0x8000 and answers > 0
print(elapsed * 1e3)
