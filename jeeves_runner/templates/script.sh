#!/bin/sh
# The script of a job. What it prints is kept with the run; an exit code other than 0 means it failed.
set -eu

echo "run $JR_RUN_ID of $JR_JOB_ID: there is nothing to do yet"
