#!/bin/sh
# Checks what is staged before each commit; made by `jeeves-runner init --hook`.
# It reads git's index and leaves all files as they are, so a server that watches them notices nothing.
cd {project} 2>/dev/null || exit 0
test -n "$(git ls-files -- {jobs_dir})" || exit 0  # a branch without manifests
runner={program}
test -x "$runner" || runner=jeeves-runner
"$runner" validate --staged || exit 1
"$runner" diff --staged || :  # only shown: what the manifests of the commit would change
