keyrack_test(test_vici_message SOURCES test_vici_message.c LIBS vici)
keyrack_test(test_vici_server SOURCES test_vici_server.c vici_talk.c fake_controller.c LIBS vici_server)
keyrack_test(test_vici_lists SOURCES test_vici_lists.c vici_talk.c fake_controller.c LIBS vici_server)
