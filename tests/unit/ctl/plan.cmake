keyrack_test(test_plan_tail SOURCES test_plan_tail.c LIBS plan)
keyrack_test(test_plan SOURCES test_plan.c plan_cases.c LIBS plan)
keyrack_test(test_plan_advice SOURCES test_plan_advice.c plan_cases.c LIBS plan)
if(TARGET keyrack)
  keyrack_test(test_cli_plan SOURCES test_cli_plan.c process.c LIBS PkgConfig::JANSSON ARGS $<TARGET_FILE:keyrack>
    ${CMAKE_SOURCE_DIR}/README.md)
endif()
