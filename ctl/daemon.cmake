# keyrackd: the I/O shell around the controller. Waits for its parts while they are being written.
if(TARGET controller AND TARGET vici AND EXISTS ${CMAKE_CURRENT_SOURCE_DIR}/daemon_control.c)
  keyrack_program(keyrackd
    SOURCES daemon.c daemon_udp.c daemon_nic.c daemon_log.c daemon_control.c
    LIBS controller vici conf PkgConfig::UV PkgConfig::OPENSSL)
endif()
