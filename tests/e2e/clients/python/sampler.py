"""Lets jaeger-client for Python fetch its sampler, and prints what it got. Arguments: service, port."""

import sys
import time

from jaeger_client import ProbabilisticSampler
from jaeger_client.local_agent_net import LocalAgentSender
from jaeger_client.sampler import RemoteControlledSampler

service, port = sys.argv[1], int(sys.argv[2])
first = ProbabilisticSampler(0.001)
channel = LocalAgentSender("127.0.0.1", sampling_port=port, reporting_port=1)
sampler = RemoteControlledSampler(channel, service, init_sampler=first, sampling_refresh_interval=0.1)
deadline = time.monotonic() + 20
while sampler.sampler is first:
    assert time.monotonic() < deadline, "no strategy"
    time.sleep(0.01)
print(sampler.sampler)
