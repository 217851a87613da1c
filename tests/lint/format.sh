#!/bin/sh
# Every C file is as clang-format would have it, but for the kernel module: that one has the kernel's own style.
command -v clang-format >/dev/null || { echo "skipped: no clang-format"; exit 77; }
git ls-files '*.c' '*.h' ':!hwsim/kmod' | xargs clang-format --dry-run --Werror
