#!/usr/bin/env python3
"""Say hello, and remember how often: the smallest job that keeps state."""

import os

from jeeves_runner.client import Client


def main() -> None:
    namespace = os.environ["JR_NAMESPACE"]
    with Client() as jr:
        count = jr.get_state(namespace, "greetings", 0) + 1
        jr.set_state(namespace, "greetings", count)
        print(f"Hello! This is greeting number {count}.")
        jr.result(meta={"greetings": count})


if __name__ == "__main__":
    main()
