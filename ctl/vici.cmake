# VICI: the codec and, for the command line and the demo, a blocking client. The server's files join `vici`.
keyrack_library(vici SOURCES vici_message.c LIBS base)
keyrack_library(vici_client SOURCES vici_client.c LIBS vici PkgConfig::JANSSON)
