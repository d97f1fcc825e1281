"""Which partition a key belongs to: the same one that Kafka's clients choose."""

from functools import lru_cache

_SEED = 0x9747B28C
_FACTOR = 0x5BD1E995
_WORD = 0xFFFFFFFF


@lru_cache(maxsize=1 << 16)
def murmur2(key: bytes) -> int:
    """Return the unsigned 32-bit MurmurHash2 of ``key`` as Kafka's clients compute it.

    Austin Appleby's hash (https://github.com/aappleby/smhasher, MurmurHash2.cpp) with the seed of
    Kafka's default partitioner.
    """
    whole = len(key) & ~3
    mixed = _SEED ^ len(key)
    for at in range(0, whole, 4):
        word = int.from_bytes(key[at : at + 4], "little") * _FACTOR & _WORD
        word = (word ^ word >> 24) * _FACTOR & _WORD
        mixed = (mixed * _FACTOR & _WORD) ^ word
    if whole < len(key):
        mixed = (mixed ^ int.from_bytes(key[whole:], "little")) * _FACTOR & _WORD
    mixed = (mixed ^ mixed >> 13) * _FACTOR & _WORD
    return mixed ^ mixed >> 15


def partition_of(key: bytes, partitions: int) -> int:
    """Return the partition that ``key`` belongs to, of ``partitions``."""
    return (murmur2(key) & 0x7FFFFFFF) % partitions
