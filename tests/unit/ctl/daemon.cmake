if(TARGET keyrackd AND TARGET keyrack-hwsim)
  keyrack_test(test_daemon SOURCES test_daemon.c gateways.c process.c LIBS vici_client
    ARGS $<TARGET_FILE:keyrackd> $<TARGET_FILE:keyrack-hwsim> TIMEOUT 300)
endif()
# The examples in the documentation are configurations.
if(TARGET keyrackd AND NOT KEYRACK_FUZZ)
  file(GLOB examples ${CMAKE_SOURCE_DIR}/docs/examples/*.conf)
  foreach(example ${examples})
    cmake_path(GET example STEM name)
    add_test(NAME example_${name} COMMAND keyrackd --config ${example} --check)
    set_tests_properties(example_${name} PROPERTIES LABELS unit)
  endforeach()
endif()
