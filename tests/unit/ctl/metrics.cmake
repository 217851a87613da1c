keyrack_test(test_metrics SOURCES test_metrics.c fake_controller.c LIBS metrics)
