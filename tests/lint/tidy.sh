#!/bin/sh
# clang-tidy over everything that is compiled; $1: the build directory with compile_commands.json.
command -v clang-tidy >/dev/null || { echo "skipped: no clang-tidy"; exit 77; }
# clang's analyzer takes nearly all the time: a third of the nodes it would look at in a function by default
nodes="-Xclang -analyzer-config -Xclang max-nodes=75000"
# gcc's own flags are noise to clang; the fuzz targets and tests are read as well
git ls-files '*.c' | while read -r f; do
  grep -qF "/$f\"" "$1/compile_commands.json" && echo "$f"
done | xargs -P "$(nproc)" -n 4 clang-tidy -p "$1" --quiet $(printf -- '--extra-arg=%s ' -Wno-unknown-warning-option $nodes) \
  2>/dev/null
