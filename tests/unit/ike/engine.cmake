# Tests of the engine: two of them in one process (pair*.c), a clock moved by hand, a network that obeys.
foreach(name engine collide window init abuse nat narrow life storm count redundant overdue)
  keyrack_test(test_ike_${name} SOURCES test_${name}.c pair.c pair_net.c pair_edit.c LIBS ike)
endforeach()
foreach(name optimized optimized_wrong)
  keyrack_test(test_ike_${name} SOURCES test_${name}.c optimized_rig.c pair.c pair_net.c pair_edit.c LIBS ike)
endforeach()
