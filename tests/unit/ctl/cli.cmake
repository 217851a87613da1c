if(TARGET keyrackd AND TARGET keyrack-hwsim AND TARGET keyrack)
  keyrack_test(test_cli SOURCES test_cli.c gateways.c process.c LIBS vici_client
    ARGS $<TARGET_FILE:keyrackd> $<TARGET_FILE:keyrack-hwsim> $<TARGET_FILE:keyrack> TIMEOUT 300)
endif()
