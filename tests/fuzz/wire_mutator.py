"""The driver of the wire fuzzers: a small mutator of our own for everywhere, atheris where coverage guidance is wanted.

The mutator is seeded, prints its seed and, with a finding, the input in hex, so that every finding can be repeated.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections.abc import Callable

INTERESTING = [b"\x00", b"\x01", b"\x7f", b"\x80", b"\xff", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\xff\xff\xff\xff\x0f"]


def mutate(data: bytes, chance: random.Random) -> bytes:
    """A few random edits."""
    result = bytearray(data)
    for _ in range(chance.randint(1, 6)):
        at = chance.randint(0, len(result))
        match chance.randrange(5):
            case 0:
                result[at : at + 1] = chance.choice(INTERESTING)
            case 1:
                result[at:at] = chance.choice(INTERESTING)
            case 2:
                del result[at : at + chance.randint(1, 8)]
            case 3:
                result[at : at + 1] = bytes((chance.randrange(256),))
            case _:
                result[at:at] = result[: chance.randint(0, 16)]
    return bytes(result)


def run(one_input: Callable[[bytes], None], corpus: list[bytes], *, seconds: float, seed: int) -> int:
    """Try mutations for that long; returns how many were tried. A finding is printed and raised."""
    chance = random.Random(seed)
    for data in corpus:
        one_input(data)
    deadline = time.monotonic() + seconds
    tried = 0
    while time.monotonic() < deadline:
        data = mutate(chance.choice(corpus), chance)
        try:
            one_input(data)
        except BaseException:
            print(f"finding with seed {seed} after {tried} inputs: {data.hex()}", file=sys.stderr)
            raise
        tried += 1
    return tried


def main(one_input: Callable[[bytes], None], corpus: list[bytes]) -> None:
    """The command line of a fuzz target."""
    if "--atheris" in sys.argv:
        import atheris

        sys.argv.remove("--atheris")
        atheris.instrument_all()
        atheris.Setup(sys.argv, one_input)
        atheris.Fuzz()
        return
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    tried = run(one_input, corpus, seconds=options.seconds, seed=options.seed)
    print(f"{tried} inputs in {options.seconds:.0f} s, seed {options.seed}: nothing found")
