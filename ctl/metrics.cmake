# Prometheus metrics: their text. It calls the functions of controller.h, which the program that links it brings.
keyrack_library(metrics SOURCES metrics.c metrics_rows.c LIBS conf)
