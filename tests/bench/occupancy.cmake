keyrack_program(bench_occupancy
  SOURCES bench_occupancy.c bench_occupancy_plan.c bench_occupancy_conf.c bench_occupancy_flow.c bench_occupancy_traffic.c
    bench_occupancy_watch.c
    bench_occupancy_world.c bench_occupancy_search.c bench_occupancy_report.c bench_occupancy_svg.c
  LIBS sim m PkgConfig::JANSSON)
# A short case of it is a test: nothing refused, nothing lost, and the rack full. With fewer slots a single pair of SAs is
# more than the promise leaves room for. Under sanitizers it would take half a minute and find nothing that test_sim does not.
if(NOT KEYRACK_SANITIZE)
  add_test(NAME bench_occupancy COMMAND bench_occupancy --slots 512 --hours 1 --life-s 30 --policy keyrack --check)
  set_tests_properties(bench_occupancy PROPERTIES LABELS sim TIMEOUT 300)
endif()
