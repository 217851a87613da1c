# The controller on two simulated hosts (tests/sim).
foreach(part slots command secret reload resync read replace view policy)
  keyrack_test(test_controller_${part} SOURCES test_controller_${part}.c controller_rig.c LIBS sim)
endforeach()
foreach(part lanes lanes_ends)
  keyrack_test(test_controller_${part} SOURCES test_controller_${part}.c lanes_view.c controller_rig.c LIBS sim)
endforeach()
keyrack_test(test_controller_queues SOURCES test_controller_queues.c controller_rig.c ../offload/files.c LIBS sim)
