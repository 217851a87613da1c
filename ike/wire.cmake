# The wire: messages, grammar, proposals, names and the cryptography under them. No state, no I/O.
keyrack_library(ike_wire
  SOURCES alg.c crypto.c crypto_prf.c crypto_sk.c crypto_ke.c crypto_keys.c
          payload.c message_parse.c message_open.c message_build.c message_print.c message_dump.c
          grammar.c proposal_wire.c proposal_select.c proposal_text.c ts.c names.c vendor.c count.c
  LIBS base PkgConfig::OPENSSL)

foreach(name message proposal)
  keyrack_fuzz(fuzz_${name} SOURCES fuzz_${name}.c LIBS ike_wire
    CORPUS ${CMAKE_SOURCE_DIR}/tests/fuzz/corpus/fuzz_${name})
endforeach()
