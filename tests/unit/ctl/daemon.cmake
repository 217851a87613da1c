if(TARGET keyrackd AND TARGET keyrack-hwsim)
  keyrack_test(test_daemon SOURCES test_daemon.c gateways.c process.c LIBS vici_client
    ARGS $<TARGET_FILE:keyrackd> $<TARGET_FILE:keyrack-hwsim> TIMEOUT 300)
endif()
