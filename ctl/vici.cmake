# VICI. vici: the codec. vici_client: for the command line and the demo, blocking, in JSON. vici_server: commands and events;
# it calls the functions of controller.h, which the program that links it brings (the controller, or a test's own).
keyrack_library(vici SOURCES vici_message.c LIBS base)
keyrack_library(vici_client SOURCES vici_client.c LIBS vici PkgConfig::JANSSON)
keyrack_library(vici_server
  SOURCES vici_server.c vici_tree.c vici_commands.c vici_load.c vici_control.c vici_event.c vici_sa.c vici_list.c
          vici_status.c vici_rack.c
  LIBS vici conf)
keyrack_fuzz(fuzz_vici
  SOURCES fuzz_vici.c ${CMAKE_SOURCE_DIR}/tests/unit/ctl/fake_controller.c
  LIBS vici_server
  CORPUS ${CMAKE_SOURCE_DIR}/tests/fuzz/corpus/vici)
