# The arithmetic of `keyrack plan`, without the talking.
keyrack_library(plan SOURCES plan.c plan_tail.c plan_advice.c LIBS offload rekey base m)
