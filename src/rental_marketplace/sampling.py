"""Random draws, all vectorised and all from named streams, so that no draw disturbs another."""

from __future__ import annotations

from collections.abc import Sequence
from zlib import crc32

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

Generator = np.random.Generator

_USER_EXPONENT = 1.15
_USER_FLATTENING = 0.03


def stream(seed: int, name: str, number: int = 0) -> Generator:
    """The random stream `name`, part `number`, of a seed."""
    return np.random.Generator(np.random.PCG64([seed, crc32(name.encode()), number]))


def pick(rng: Generator, weights: Sequence[float] | Floats, count: int) -> Ints:
    """`count` indexes drawn with the given weights."""
    cumulative = np.cumsum(np.asarray(weights, dtype=np.float64))
    drawn = np.searchsorted(cumulative, rng.random(count) * cumulative[-1], side="right")
    result: Ints = np.minimum(drawn, len(cumulative) - 1).astype(np.int64)
    return result


def chance(rng: Generator, probability: float | Floats, count: int) -> Flags:
    """`count` coin throws."""
    return rng.random(count) < probability


def hash_uniform(ids: Ints, salt: int) -> Floats:
    """A number in [0, 1) that depends on the id and the salt alone (splitmix64)."""
    mixed = ids.astype(np.uint64) + np.uint64(salt) * np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed ^= mixed >> np.uint64(31)
    return (mixed >> np.uint64(11)).astype(np.float64) / float(1 << 53)


def popularity(listing_ids: Ints) -> Floats:
    """Demand for each listing: a power law, the same for an id wherever it is drawn."""
    return np.power(hash_uniform(listing_ids, salt=1) + 0.004, -0.55)


def power_law_rank(rng: Generator, pool: Floats) -> Ints:
    """One user rank per entry of `pool`, the number of users there are at that moment.

    Density falls with (rank + 3 % of the pool) ** -1.15: few users book often, most once or never.
    """
    exponent = 1 - _USER_EXPONENT
    flat = np.maximum(pool * _USER_FLATTENING, 1.0)
    low = np.power(flat, exponent)
    high = np.power(pool + flat, exponent)
    rank = np.power(low + rng.random(len(pool)) * (high - low), 1 / exponent) - flat
    result: Ints = np.clip(rank, 0, pool - 1).astype(np.int64)
    return result


def spread(rng: Generator, total: int, weights: Floats) -> Ints:
    """`total` split at random over the weights; the parts sum to `total`."""
    if total <= 0:
        return np.zeros(len(weights), dtype=np.int64)
    share = weights / weights.sum()
    return rng.multinomial(total, share).astype(np.int64)
