keyrack_library(controller
  SOURCES controller.c controller_secret.c controller_conn.c controller_peer.c controller_tunnel.c controller_start.c controller_lane.c controller_lane_idle.c
          controller_mode.c controller_policy.c controller_wish.c controller_guard.c controller_half.c controller_sa.c controller_child.c controller_install.c
          controller_reqid.c controller_replace.c controller_rekey.c controller_wait.c controller_shed.c controller_pace.c controller_read.c controller_resync.c controller_command.c controller_view.c controller_view_queues.c
          controller_queues.c controller_steer.c
          controller_check.c
  LIBS ike rekey offload conf base PkgConfig::OPENSSL)
