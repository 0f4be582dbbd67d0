"""Why a job ran at a time or did not: facts in, sentences out. The facts are read elsewhere."""
