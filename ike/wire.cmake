# The wire: messages, grammar, proposals, names and the cryptography under them. No state, no I/O.
keyrack_library(ike_wire
  SOURCES alg.c crypto.c crypto_prf.c crypto_sk.c crypto_ke.c crypto_keys.c
          payload.c message_parse.c message_open.c message_build.c message_print.c message_dump.c
          grammar.c proposal_wire.c proposal_select.c proposal_text.c ts.c names.c
  LIBS base PkgConfig::OPENSSL)
