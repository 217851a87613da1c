# Tests of the wire half: no state, no I/O.
foreach(name crypto ke captured message reject grammar proposal ts print count_wire)
  keyrack_test(test_ike_${name} SOURCES test_${name}.c LIBS ike_wire PkgConfig::JANSSON)
endforeach()
