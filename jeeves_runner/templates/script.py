#!/usr/bin/env python3
"""The script of a job. What it prints is kept with the run; an exit code other than 0 means it failed."""

import os

from jeeves_runner.client import Client


def main() -> None:
    namespace = os.environ["JR_NAMESPACE"]
    with Client() as jr:
        last = jr.get_state(namespace, "last_run")
        print(f"run {os.environ['JR_RUN_ID']}, after {last or 'none'}")
        jr.set_state(namespace, "last_run", os.environ["JR_RUN_ID"])


if __name__ == "__main__":
    main()
