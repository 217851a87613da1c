# keyrack: the command line. cli_view: what it shows, without the talking, so that tests can look at it.
keyrack_library(cli_view
  SOURCES cli_table.c top_model.c top_model_queues.c top_grid.c top_draw.c top_draw_parts.c top_draw_rack.c
          top_draw_queues.c
  LIBS PkgConfig::JANSSON m)
# What `keyrack doctor` checks.
keyrack_library(doctor
  SOURCES doctor.c doctor_ask.c doctor_device.c doctor_files.c doctor_kernel.c doctor_mtu.c doctor_policy.c doctor_probe.c
    doctor_process.c doctor_queues.c doctor_rdma.c
  LIBS cli_view offload PkgConfig::JANSSON PkgConfig::OPENSSL PkgConfig::ZLIB)
keyrack_program(keyrack
  SOURCES cli.c cli_doctor.c cli_status.c cli_slots.c cli_queues.c cli_command.c cli_monitor.c cli_version.c cli_top.c top_screen.c
    cli_plan.c cli_plan_options.c cli_plan_source.c cli_plan_daemon.c cli_plan_print.c
    demo.c demo_process.c demo_conf.c demo_card.c demo_daemon.c demo_view.c demo_verdict.c
  LIBS cli_view doctor verbs plan conf vici_client PkgConfig::JANSSON PkgConfig::NCURSESW)
