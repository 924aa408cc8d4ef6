"""Free ports of this machine for the embedded Kafka."""

import random
import socket
from contextlib import suppress

from service.kafka_jars import EmbeddedKafkaError

HOST = "127.0.0.1"
# Below the ports that Linux (32768) and macOS (49152) lend to outgoing connections: there, a
# client that reconnects to a broker which is down can take the broker's port for itself.
PORTS = range(20_000, 32_000)
PORT_CANDIDATES = 100


class PortTakenError(EmbeddedKafkaError):
    """Something listens on a port that the broker was to have."""


def choose_ports(*wanted: int) -> list[int]:
    """The ports wanted, with a free one for each 0; all different, and free when looked at."""
    chosen: list[int] = []
    for want in wanted:
        for port in [want] if want else random.sample(PORTS, k=PORT_CANDIDATES):
            with socket.socket() as probe, suppress(OSError):
                # As Kafka: what is left of closed connections does not make a port taken.
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind((HOST, port))
                if port not in chosen:
                    chosen.append(port)
                    break
        else:
            raise PortTakenError(f"port {want or PORTS} is taken: free it, or give another port")
    return chosen
