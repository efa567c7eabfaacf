"""A line with delay and loss, for kernels without netem: line.py NEAR FAR DELAY_MS LOSS_PERCENT.

Makes two TAP devices and hands on each frame of one to the other, later or not at all.
"""
import fcntl
import os
import random
import select
import struct
import sys
import time
from collections import deque

NEAR, FAR = sys.argv[1:3]
DELAY_S = float(sys.argv[3]) / 1000
LOSS = float(sys.argv[4]) / 100
QUEUE_MAX = 1000
TUNSETIFF, IFF_TAP, IFF_NO_PI = 0x400454CA, 0x0002, 0x1000


def tap(name):
    fd = os.open('/dev/net/tun', os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(fd, TUNSETIFF, struct.pack('16sH22x', name.encode(), IFF_TAP | IFF_NO_PI))
    return fd


ends = [tap(NEAR), tap(FAR)]
queues = [deque(), deque()]  # what came in at each end, by the time when it goes on
print('up', flush=True)
while True:
    now = time.monotonic()
    due = min((queue[0][0] for queue in queues if queue), default=now + 1)
    for fd in select.select(ends, [], [], max(0, due - now))[0]:
        try:
            frame = os.read(fd, 65536)
        except OSError:
            continue
        queue = queues[ends.index(fd)]
        if random.random() >= LOSS and len(queue) < QUEUE_MAX:
            queue.append((time.monotonic() + DELAY_S, frame))
    now = time.monotonic()
    for queue, other in zip(queues, reversed(ends)):
        while queue and queue[0][0] <= now:
            try:
                os.write(other, queue.popleft()[1])
            except OSError:
                pass
