# The engine: everything with state.
keyrack_library(ike
  SOURCES engine.c settings.c table.c conn.c text.c info.c
          sa.c half_open.c send.c window.c jobs.c answers.c dispatch.c nat.c cookie.c
          sa_init.c sa_init_i.c sa_init_r.c auth.c auth_i.c auth_r.c
          child.c child_offer.c child_answer.c child_count.c optimized.c create_child.c narrow.c
          collide.c rekey_child.c rekey_ike.c rekey_ike_r.c informational.c
  LIBS ike_wire base PkgConfig::OPENSSL)

keyrack_fuzz(fuzz_exchange SOURCES fuzz_exchange.c LIBS ike CORPUS ${CMAKE_SOURCE_DIR}/tests/fuzz/corpus/fuzz_exchange)
