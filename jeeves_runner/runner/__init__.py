"""What keeps a runner going besides its runs: the clock, other writers, leases, housekeeping."""
