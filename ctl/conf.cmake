# conf_tree: sections and values, as files and VICI messages have them. conf: what they mean to the controller.
keyrack_library(conf_tree SOURCES conf_tree.c conf_parse.c)
keyrack_library(conf
  SOURCES conf.c conf_conn.c conf_schema.c conf_read.c conf_types.c conf_types_list.c conf_text.c conf_time.c
  LIBS conf_tree ike rekey offload PkgConfig::OPENSSL)
keyrack_fuzz(fuzz_conf SOURCES fuzz_conf.c LIBS conf CORPUS ${CMAKE_SOURCE_DIR}/tests/fuzz/corpus/conf)
