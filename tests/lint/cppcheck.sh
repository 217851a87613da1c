#!/bin/sh
# cppcheck with its warnings, performance and portability checks. Suppressions say why:
#  missingIncludeSystem: system headers are not its business
#  normalCheckLevelMaxBranches, checkersReport: not findings
#  hwsim/kmod is the kernel's: its macros are unknown here, and its own build warns
#  uninitvar in uthash and TAILQ macros is filtered by the inline suppressions beside them
command -v cppcheck >/dev/null || { echo "skipped: no cppcheck"; exit 77; }
cppcheck --quiet --error-exitcode=1 --std=c11 --language=c --inline-suppr -I . --include=tests/lint/macros.h -j "$(nproc)" \
  --enable=warning,performance,portability --suppress=missingIncludeSystem --suppress=normalCheckLevelMaxBranches \
  -D__linux__ -D_GNU_SOURCE -i hwsim/kmod base ike rekey offload hwsim ctl
