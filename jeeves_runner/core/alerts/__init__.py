"""Which things people are told of, when, and in which words: decisions, with the time as an argument."""
