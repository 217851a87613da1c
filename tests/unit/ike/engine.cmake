# Tests of the engine: two of them in one process (pair.c), a clock moved by hand, a network that obeys.
foreach(name engine collide window init narrow life storm)
  keyrack_test(test_ike_${name} SOURCES test_${name}.c pair.c LIBS ike)
endforeach()
