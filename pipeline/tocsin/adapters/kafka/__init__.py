"""The log in Apache Kafka, over aiokafka.

aiokafka's own consumer loses, repeats or hands out records at the wrong moment in several ways;
`membership` and `writer` are written around them, and say so where it shows.
"""

from tocsin.adapters.kafka.log import KafkaLog
from tocsin.adapters.kafka.policy import KafkaPolicy

__all__ = ["KafkaLog", "KafkaPolicy"]
