# Other IKE daemons on host b, with the kernel's own ESP: strongSwan and Libreswan in the trees of lab.sh setup; and
# keyrackd on a, with a connection for each tunnel. Comes after lib.sh.
# shellcheck shell=bash

SECRET=0sFpZAZqEN6Ti9sqt4ZP5EWcqx
TREE= # of the daemon that runs; its /run is $WORK

tree_mount() { # SUITE: fails if lab.sh setup could not have it
  TREE=$LAB/peers/$1
  [ -e "$TREE/ready" ] || return 1
  [ ! -e "$TREE/proc/self" ] || return 0
  mount -t proc proc "$TREE/proc"
  mount --rbind /dev "$TREE/dev"
  mount --bind "$WORK" "$TREE/run"
  mount -t tmpfs tmpfs "$TREE/tmp"
  : >"$TREE/etc/hosts"
}

in_tree() { # COMMAND...
  ip netns exec b chroot "$TREE" "$@" >>"$WORK/b.log" 2>&1
}

tree_daemon() { # COMMAND...
  ip netns exec b chroot "$TREE" "$@" >>"$WORK/b.log" 2>&1 &
  PID["b"]=$!
}

tree_daemon_end() { # after it was asked to
  wait "${PID[b]}" || fail "the peer ended with $?"
}

# ---- strongSwan ----

strongswan_conn() { # NAME B A MODE B-NET A-NET ESN(yes|no) ALGORITHMS PACKETS [SETTINGS]: its child is NAME-net
  local esn=-noesn packets=''
  [ "$7" = no ] || esn=-esn
  [ "$9" = 0 ] || packets="rekey_packets = $9
        rand_packets = 20
        life_packets = $((20 * $9))"
  cat <<CONF
  $1 {
    version = 2
    mobike = no
    local_addrs = $2
    remote_addrs = $3
    proposals = aes128gcm16-prfsha256-x25519
    local {
      auth = psk
      id = b.$1
    }
    remote {
      auth = psk
      id = a.$1
    }
    children {
      $1-net {
        mode = $4
        local_ts = $5
        remote_ts = $6
        esp_proposals = $8$esn
        rekey_time = 0
        replay_window = 64
        $packets
        ${10:-}
      }
    }
  }
CONF
}

strongswan_swanctl() { # ARG...
  SWANCTL_DIR=/run/swanctl STRONGSWAN_CONF=/run/strongswan.conf in_tree swanctl "$@" --uri unix:///run/charon.vici
}

strongswan_start() { # CONNECTIONS
  cat >"$WORK/strongswan.conf" <<CONF
charon-systemd {
  load = random nonce pem openssl kernel-netlink socket-default vici
  install_routes = no
  delete_rekeyed_delay = 1
  filelog {
    log {
      path = /run/b.log
      flush_line = yes
      default = 1
    }
  }
  plugins {
    vici {
      socket = unix:///run/charon.vici
    }
  }
}
swanctl {
  load = random nonce openssl
}
CONF
  mkdir -p "$WORK/swanctl"
  cat >"$WORK/swanctl/swanctl.conf" <<CONF
connections {
$1
}
secrets {
  ike-lab {
    secret = $SECRET
  }
}
CONF
  STRONGSWAN_CONF=/run/strongswan.conf tree_daemon /usr/sbin/charon-systemd
  wait_for 60 "charon's VICI" strongswan_swanctl --stats
  strongswan_swanctl --load-all --noprompt
}

strongswan_stop() {
  kill -TERM "${PID[b]}"
  tree_daemon_end
}

strongswan_up() { # CONNECTION
  strongswan_swanctl --initiate --child "$1-net" --timeout 60
}

strongswan_rekey() { # CONNECTION
  strongswan_swanctl --rekey --child "$1-net"
}

strongswan_down() { # CONNECTION
  strongswan_swanctl --terminate --ike "$1" --timeout 60
}

# ---- Libreswan ----

libreswan_conn() { # as strongswan_conn; it replaces an SA after about a quarter of its maximum
  local esp=aes_gcm128 pfs=no
  case $8 in aes256*) esp=aes_gcm256 ;; esac
  case $8 in
  *-x25519)
    esp+=-none-dh31
    pfs=yes
    ;;
  esac
  cat <<CONF
conn $1
  left=$2
  right=$3
  leftid=@b.$1
  rightid=@a.$1
  type=$4
  keyexchange=ikev2
  authby=secret
  ike=aes_gcm128-sha2_256-dh31
  esp=$esp
  pfs=$pfs
  esn=$7
  replay-window=64
  mobike=no
  leftupdown=
  auto=ignore
CONF
  [ "$5" = dynamic ] || printf '  leftsubnet=%s\n  rightsubnet=%s\n' "$5" "$6"
  [ "$9" = 0 ] || printf '  ipsec-max-packets=%s\n' $((2 * $9))
}

libreswan_whack() { # ARG...
  in_tree /usr/libexec/ipsec/whack "$@"
}

libreswan_start() { # CONNECTIONS
  local name
  mkdir -p "$WORK/pluto" "$WORK/nss"
  printf 'config setup\n  logfile=/run/b.log\n%s\n' "$1" >"$WORK/ipsec.conf"
  printf ': PSK %s\n' "$SECRET" >"$WORK/ipsec.secrets"
  in_tree certutil -N -d sql:/run/nss --empty-password
  tree_daemon /usr/libexec/ipsec/pluto --config /run/ipsec.conf --nofork --rundir /run/pluto --nssdir /run/nss \
    --secretsfile /run/ipsec.secrets
  wait_for 60 "pluto's control socket" libreswan_whack --listen
  while read -r name; do
    in_tree /usr/libexec/ipsec/addconn --config /run/ipsec.conf --ctlsocket /run/pluto/pluto.ctl "$name" </dev/null
  done < <(sed -n 's/^conn //p' "$WORK/ipsec.conf")
}

libreswan_stop() {
  libreswan_whack --shutdown
  tree_daemon_end
}

libreswan_up() { # CONNECTION
  libreswan_whack --name "$1" --initiate
}

libreswan_rekey() { # CONNECTION
  libreswan_whack --name "$1" --rekey-child
}

libreswan_down() { # CONNECTION
  libreswan_whack --name "$1" --terminate
}

# ---- keyrackd on a ----

keyrack_conn() { # NAME A B MODE A-NET B-NET ESN ALGORITHMS PACKETS [SETTINGS]: its child is NAME-net
  local esn='' packets=''
  [ "$7" = no ] || esn=-esn
  [ "$9" = 0 ] || packets="rekey_packets = $9
        rand_packets = 20
        life_packets = $((20 * $9))"
  cat <<CONF
  $1 {
    local_addrs = $2
    remote_addrs = $3
    proposals = aes128gcm16-prfsha256-x25519
    local {
      auth = psk
      id = a.$1
    }
    remote {
      auth = psk
      id = b.$1
    }
    children {
      $1-net {
        mode = $4
        local_ts = $5
        remote_ts = $6
        esp_proposals = $8$esn
        hw_offload = packet
        $packets
        ${10:-}
      }
    }
  }
CONF
}

keyrackd_conf() { # CONNECTIONS
  cat >"$WORK/a.conf" <<CONF
nic {
  backend = xfrm
  device = pk0
  slots = 64
  drain = 200ms
}
daemon {
  control = $WORK/a.vici
  log_level = ${LOG_LEVEL:-info}
}
connections {
$1
}
secrets {
  ike-lab {
    secret = $SECRET
  }
}
CONF
}

# ---- what there is ----

declare -A CARD # a's counters when card_read was called

card_read() {
  local name value
  while read -r name value; do
    CARD[${name%:}]=$value
  done < <(on a ethtool -S pk0)
}

slots_in_out() {
  local in out
  read -r _ in _ out _ <"$DEBUGFS/pk0/ipsec"
  echo "${in%/*} ${out%/*}"
}

spis_in() { # of a's card
  sed -n 's/^sa in .*spi=0x\([0-9a-f]*\) .*/\1/p' "$DEBUGFS/pk0/ipsec" | sort
}

# The peer's kernel may ask for an SA that its daemon has just deleted: such a state, which has no key, is not counted.
sas() { # SAs of a, those of them that the kernel shows as packet-offloaded, SAs of b
  {
    ip -n a -s xfrm state
    echo b:
    ip -n b xfrm state
  } | awk '/^b:/ { a = n; keys = 0 } /^src/ { n++ } /^\taead / { keys++ } /crypto offload parameters: .*mode packet/ { p++ }
    END { print a + 0, p + 0, keys + 0 }'
}

has_children() { # N: so many on each host; a's are in the card
  [ "$(slots_in_out)" = "$1 $1" ] && [ "$(sas)" = "$((2 * $1)) $((2 * $1)) $((2 * $1))" ]
}

policies() { # those that are no socket's
  local h
  for h in a b; do
    ip -n "$h" xfrm policy | awk -v h="$h" '/^src/ { s = $0 } /^\tdir/ { print h ":", s, $0 }'
  done
}

OWN_POLICIES=

policies_note() { # what there is while no tunnel is up: Libreswan lets ICMPv6 neighbour discovery pass
  OWN_POLICIES=$(policies)
}

gone() { # SAs; and policies, but for those that the daemons have installed before
  [ "$(slots_in_out)" = "0 0" ] && [ "$(sas)" = "0 0 0" ] && [ "$(policies)" = "$OWN_POLICIES" ]
}

declare -A STATUS # of keyrackd, when status_read was called

status_read() { # rekeys by either side; IKE datagrams sent, repeats too
  read -r "STATUS[keyrack]" "STATUS[peer]" "STATUS[ike]" < <(keyrack a status --json | tr ',{' '\n' | tr -d '" ' | awk -F: '
    /_out_req:|_out_resp:|^retransmits(_answered)?:/ { sum += $2 } { at[$1] = $2 }
    END { print at["rekeys_done"] + 0, at["rekeys_peer"] + 0, sum + 0 }')
}

in_clear() { # IPv4 and IPv6 packets that left a unprotected and were no IKE, when both were read
  echo $((CARD[tx_plain] + CARD[tx_bypass] - STATUS[ike]))
}

still_in_clear() { # PACKETS: no more than before
  card_read
  status_read
  [ "$(in_clear)" = "$1" ]
}
