"""Questions sent by unicast to port 5353 of one host, from a port of our own: who there takes unicast?

  ask.py ADDRESS NAME COUNT [SOURCE]    asks for NAME.local A that often; prints how many answers came
"""

import socket
import struct
import sys

address, name, count = sys.argv[1], sys.argv[2].encode(), int(sys.argv[3])
source = sys.argv[4] if len(sys.argv) > 4 else ""
answered = 0
for number in range(1, count + 1):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asker:
        asker.settimeout(0.5)
        asker.bind((source, 0))
        question = bytes([len(name)]) + name + b"\x05local\x00" + struct.pack("!2H", 1, 1)
        asker.sendto(struct.pack("!6H", number, 0, 1, 0, 0, 0) + question, (address, 5353))
        try:
            packet, _ = asker.recvfrom(9000)
        except TimeoutError:
            continue
        identity, flags, _, answers = struct.unpack("!4H", packet[:8])
        answered += identity == number and flags & 0x8000 != 0 and answers > 0
print(answered)
