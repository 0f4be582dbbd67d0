#!/usr/bin/env python3
"""The script of a job. What it prints is kept with the run; an exit code other than 0 means it failed."""

import os


def main() -> None:
    print(f"run {os.environ['JR_RUN_ID']} of {os.environ['JR_JOB_ID']}: there is nothing to do yet")


# What a job is to remember between its runs:
#
#     from jeeves_runner.client import Client
#
#     with Client() as jr:
#         jr.set_state(os.environ["JR_NAMESPACE"], "last_run", os.environ["JR_RUN_ID"])

if __name__ == "__main__":
    main()
