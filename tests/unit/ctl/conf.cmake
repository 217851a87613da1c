keyrack_test(test_conf_tree SOURCES test_conf_tree.c LIBS conf_tree)
keyrack_test(test_conf_text SOURCES test_conf_text.c LIBS conf)
keyrack_test(test_conf_values SOURCES test_conf_values.c LIBS conf)
keyrack_test(test_conf_mistakes SOURCES test_conf_mistakes.c LIBS conf)
