# What the lab's scripts share. In the guest: two hosts a and b, which are network namespaces, and the module's NICs
# between them, a's pk0 (192.0.2.1) and b's pk1 (192.0.2.2).
# shellcheck shell=bash
set -euo pipefail

WORK=/run/lab-work
DEBUGFS=/sys/kernel/debug/krnic
declare -A DEVICE=([a]=pk0 [b]=pk1) ADDRESS=([a]=192.0.2.1 [b]=192.0.2.2)
declare -A PID
mkdir -p "$WORK"

say() { printf -- '-- %s\n' "$*"; }

evidence() { # what one wants to see when something has failed
  local h
  set +e
  for h in a b; do
    printf '== %s\n' "$h"
    tail -n 40 "$WORK/$h.log" 2>/dev/null
    cat "$DEBUGFS/${DEVICE[$h]}/ipsec"
    on "$h" ip -s xfrm state | head -n 60
    on "$h" ip xfrm policy
    on "$h" awk '$2' /proc/net/xfrm_stat
    on "$h" ethtool -S "${DEVICE[$h]}" | grep -v ': 0$'
  done
  dmesg | tail -n 20
}

exec 3>&1 # for fail(), wherever the output of what has failed goes
fail() {
  trap - ERR
  printf 'FAIL: %s\n' "$*" >&3
  evidence >&3
  exit 1
}
trap 'fail "$BASH_SOURCE:$LINENO: $BASH_COMMAND"' ERR
set -E

has() { # as grep -q, but it reads to the end: who writes to it does not fail, and with pipefail all of the pipe
  grep "$@" >/dev/null
}

on() { # HOST COMMAND...
  local host=$1
  shift
  ip netns exec "$host" "$@"
}

wait_for() { # SECONDS WHAT COMMAND...: polls until the command succeeds
  local end=$((SECONDS + $1)) what=$2
  shift 2
  until "$@" >/dev/null 2>&1; do
    ((SECONDS < end)) || fail "not within its time: $what"
    sleep 0.2
  done
}

equal() { # WHAT WANTED FOUND
  [ "$2" = "$3" ] || fail "$1: $3 instead of $2"
}

at_least() { # WHAT WANTED FOUND
  [ "$3" -ge "$2" ] || fail "$1: $3, fewer than $2"
}

kernel_quiet() { # it has not complained; a debug kernel (debug_kernel.sh) is asked for what was not freed, too
  local leaks=/sys/kernel/debug/kmemleak
  if [ -e $leaks ]; then
    echo scan >$leaks
    sleep 6 # it does not report what is younger than 5 s
    echo scan >$leaks
    grep -A 20 krnic $leaks && fail "the kernel has found leaks"
  fi
  dmesg | grep -E 'BUG|WARNING|Oops|refcount|leaked reference|blocked for more' && fail "the kernel has complained"
  return 0
}

larval_drop() { # HOST 0|1
  on "$1" sh -c "echo $2 >/proc/sys/net/core/xfrm_larval_drop"
}

hosts_up() { # [MODULE PARAMETER...]
  local h
  [ -e "$LAB/ko/krnic.ko" ] || {
    say "skipped: the module has not been built (lab.sh build)"
    exit 77
  }
  modprobe -a xfrm_user esp4 esp4_offload
  insmod "$LAB/ko/krnic.ko" "$@"
  for h in a b; do
    ip netns add "$h"
    larval_drop "$h" 0 # as packaging/sysctl.conf does
    ip link set "${DEVICE[$h]}" netns "$h"
    ip -n "$h" link set lo up
    ip -n "$h" addr add "${ADDRESS[$h]}/24" dev "${DEVICE[$h]}"
    on "$h" sh -c "echo 1 >/proc/sys/net/ipv6/conf/${DEVICE[$h]}/disable_ipv6"
    ip -n "$h" link set "${DEVICE[$h]}" up
  done
  neighbours
}

neighbours() { # no ARP: where packets are counted, every one counts. An interface that goes down forgets them
  ip -n a neigh replace 192.0.2.2 lladdr "$(on b cat /sys/class/net/pk1/address)" dev pk0 nud permanent
  ip -n b neigh replace 192.0.2.1 lladdr "$(on a cat /sys/class/net/pk0/address)" dev pk1 nud permanent
}

hosts_down() { # and the module: it has left nothing behind, and the kernel has nothing to say about it
  local h
  for h in a b; do
    ip netns del "$h"
  done
  wait_for 30 "the devices come back" ip link show pk1
  rmmod krnic
  [ ! -e "$DEBUGFS" ] || fail "debugfs is still there"
  kernel_quiet
}

counter() { # HOST NAME: of ethtool -S
  on "$1" ethtool -S "${DEVICE[$1]}" | awk -v name="$2:" '$1 == name { print $2 }'
}

table() { # HOST: the card's tables
  cat "$DEBUGFS/${DEVICE[$1]}/ipsec"
}

slots_used() { # HOST: both directions
  table "$1" | awk 'NR == 1 { split($2, i, "/"); split($4, o, "/"); print i[1] + o[1] }'
}

fault() { # HOST "NAME COUNT [ARG]": docs/hwsim.md
  printf '%s\n' "$2" >"$DEBUGFS/${DEVICE[$1]}/faults" || fail "the card of $1 has no fault \"$2\""
}

fault_left() { # HOST NAME: how often it will strike
  awk -v name="$2" '$1 == name { print $2 }' "$DEBUGFS/${DEVICE[$1]}/faults"
}

draining() { # HOST: slots of deleted SAs that are not free yet
  table "$1" | awk 'NR == 1 { for (i = 1; i < NF; i++) if ($i == "draining") print $(i + 1) }'
}

drained() { # HOST: all of them are
  [ "$(draining "$1")" = 0 ]
}

packet_states() { # HOST: SAs that the kernel shows as packet-offloaded
  ip -n "$1" -s xfrm state | grep -c 'crypto offload parameters: .*mode packet' || true
}

states() { # HOST
  ip -n "$1" xfrm state | grep -c '^src' || true
}

in_clear() { # HOST: IPv4 packets that left unprotected
  echo $(($(counter "$1" tx_plain) + $(counter "$1" tx_bypass)))
}

flush() { # all SAs and policies of both hosts
  local h
  for h in a b; do
    ip -n "$h" xfrm policy flush
    ip -n "$h" xfrm state flush
    equal "slots of $h after a flush" 0 "$(slots_used "$h")"
    wait_for 30 "the slots of $h are free" drained "$h"
  done
}

no_states() { # HOST: packets that its kernel has dropped because it found no SA
  on "$1" awk '$1 == "XfrmOutNoStates" { print $2 }' /proc/net/xfrm_stat
}

# Every packet must come back. Answers over IPv6 are what Linux does not hold when its lookup meets an SA that is just
# being deleted (icmpv6_echo_reply, xfrm_state_find): it counts them, and they are few.
ping_all() { # HOST ADDRESS COUNT INTERVAL
  local out peer=b dropped=0 before
  [ "$1" = a ] || peer=a
  before=$(no_states $peer)
  out=$(on "$1" ping -n -q -c "$3" -i "$4" -W 10 "$2" 2>&1) || true
  [[ $2 != *:* ]] || dropped=$(($(no_states $peer) - before))
  [ $dropped -le 2 ] && grep -q " $(($3 - dropped)) received" <<<"$out" || fail "ping from $1 to $2, $dropped dropped: $out"
  [ $dropped = 0 ] || say "$dropped answers of the kernel's were dropped"
}

# ---- keyrackd ----

daemon_conf() { # HOST CHILD-SETTINGS [NIC-SETTINGS]: writes its configuration
  local h=$1 peer=b
  [ "$h" = b ] && peer=a
  cat >"$WORK/$h.conf" <<CONF
nic {
  backend = xfrm
  device = ${DEVICE[$h]}
  slots = 64
  ${3:-}
}
daemon {
  control = $WORK/$h.vici
  log_level = ${LOG_LEVEL:-info}
}
connections {
  lab {
    local_addrs = ${ADDRESS[$h]}
    remote_addrs = ${ADDRESS[$peer]}
    proposals = aes128gcm16-prfsha256-x25519
    local {
      auth = psk
      id = $h.lab
    }
    remote {
      auth = psk
      id = $peer.lab
    }
    children {
      $2
    }
  }
}
secrets {
  ike-lab {
    secret = 0sFpZAZqEN6Ti9sqt4ZP5EWcqx
  }
}
CONF
}

daemon_start() { # HOST
  ip netns exec "$1" "$KEYRACK_BIN/keyrackd" --config "$WORK/$1.conf" >>"$WORK/$1.log" 2>&1 &
  PID[$1]=$!
  wait_for 30 "keyrackd on $1" test -S "$WORK/$1.vici"
}

daemon_stop() { # HOST
  kill -TERM "${PID[$1]}"
  wait "${PID[$1]}" || fail "keyrackd on $1 ended with $?"
}

keyrack() { # HOST ARG...
  local host=$1
  shift
  "$KEYRACK_BIN/keyrack" --socket "$WORK/$host.vici" "$@"
}

ike_sent() { # HOST: IKE datagrams, repeats too
  keyrack "$1" status --json | tr ',{' '\n\n' | tr -d '" ' | awk -F: '
    /_out_req:|_out_resp:|^retransmits(_answered)?:/ { sum += $2 } END { print sum }'
}

only_ike_in_clear() { # HOST CLEAR-BEFORE IKE-BEFORE
  [ $(($(in_clear "$1") - $2)) = $(($(ike_sent "$1") - $3)) ]
}

settled() { # both hosts have one Child SA, all of it in the card
  local h
  for h in a b; do
    [ "$(slots_used "$h")" = 2 ] && [ "$(states "$h")" = 2 ] && [ "$(packet_states "$h")" = 2 ] || return 1
  done
}

gone() { # HOST: neither SAs nor policies, in the card or in the kernel
  [ "$(slots_used "$1")" = 0 ] && [ "$(states "$1")" = 0 ] && [ -z "$(ip -n "$1" xfrm policy | grep -v socket |
    grep '^src')" ]
}
