if(TARGET keyrackd AND TARGET keyrack-hwsim AND TARGET keyrack)
  keyrack_test(test_cli SOURCES test_cli.c gateways.c process.c LIBS vici_client
    ARGS $<TARGET_FILE:keyrackd> $<TARGET_FILE:keyrack-hwsim> $<TARGET_FILE:keyrack> TIMEOUT 300)
endif()
keyrack_test(test_top_model SOURCES test_top_model.c top_answers.c LIBS cli_view)
keyrack_test(test_top_draw SOURCES test_top_draw.c top_answers.c LIBS cli_view)
if(TARGET hwsim)
  foreach(part machine device rdma probe policy)
    keyrack_test(test_doctor_${part} SOURCES test_doctor_${part}.c doctor_rig.c ../offload/datagrams.c ../offload/files.c
      LIBS doctor hwsim)
  endforeach()
endif()
