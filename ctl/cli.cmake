# keyrack: the command line.
keyrack_program(keyrack
  SOURCES cli.c cli_table.c cli_status.c cli_slots.c cli_queues.c cli_command.c cli_monitor.c cli_version.c
    demo.c demo_process.c demo_conf.c demo_card.c demo_daemon.c demo_view.c demo_verdict.c
  LIBS vici_client PkgConfig::JANSSON)
