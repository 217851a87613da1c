keyrack_program(bench_occupancy
  SOURCES bench_occupancy.c bench_occupancy_plan.c bench_occupancy_conf.c bench_occupancy_flow.c bench_occupancy_traffic.c
    bench_occupancy_watch.c
    bench_occupancy_world.c bench_occupancy_search.c bench_occupancy_report.c
  LIBS sim m PkgConfig::JANSSON)
