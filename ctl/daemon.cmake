# keyrackd: the I/O shell around the controller.
if(TARGET controller)
  keyrack_program(keyrackd
    SOURCES daemon.c daemon_conn.c daemon_control.c daemon_device.c daemon_ethtool.c daemon_log.c daemon_metrics.c
            daemon_nic.c daemon_udp.c
    LIBS vici_server metrics controller conf PkgConfig::MHD PkgConfig::SYSTEMD PkgConfig::UV PkgConfig::MNL PkgConfig::OPENSSL)
endif()
