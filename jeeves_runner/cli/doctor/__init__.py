"""What ``doctor`` looks at: each module examines one part of a runner's world, and answers findings."""
