# Two keyrackd, one on each host, over the module's NICs in packet mode: up, traffic, rekeys by the card's packet
# counts without a lost packet, nothing but ESP on the wire, and nothing left behind. In transport mode host to host,
# where the selectors cover IKE itself, and in tunnel mode between two networks.
# shellcheck shell=bash
. "$LAB_HERE/t/lib.sh"

REKEYS=5      # at least so many of each SA while the pings run
PACKETS=1200  # pings
SOFT=150      # packets, soft limit

child_conf() { # MODE LOCAL-TS REMOTE-TS
  cat <<CONF
net {
        mode = $1
        local_ts = $2
        remote_ts = $3
        esp_proposals = aes128gcm16-esn
        hw_offload = packet
        rekey_packets = $SOFT
        rand_packets = 20
        life_packets = $((20 * SOFT))
      }
CONF
}

networks() { # a network behind each host
  ip -n a addr add 10.1.0.1/32 dev lo
  ip -n b addr add 10.2.0.1/32 dev lo
  ip -n a route add 10.2.0.0/16 dev pk0 src 10.1.0.1
  ip -n b route add 10.1.0.0/16 dev pk1 src 10.2.0.1
}

packet_states() { # HOST: SAs that the kernel shows as packet-offloaded
  ip -n "$1" -s xfrm state | grep -c 'crypto offload parameters: .*mode packet' || true
}

states() { # HOST
  ip -n "$1" xfrm state | grep -c '^src' || true
}

settled() { # both hosts have one Child SA, all of it in the card
  local h
  for h in a b; do
    [ "$(slots_used "$h")" = 2 ] && [ "$(states "$h")" = 2 ] && [ "$(packet_states "$h")" = 2 ] || return 1
  done
}

in_clear() { # HOST: IPv4 packets that left unprotected
  echo $(($(counter "$1" tx_plain) + $(counter "$1" tx_bypass)))
}

ike_sent() { # HOST: IKE datagrams, repeats too
  keyrack "$1" status --json | tr ',{' '\n\n' | tr -d '" ' | awk -F: '
    /_out_req:|_out_resp:|^retransmits(_answered)?:/ { sum += $2 } END { print sum }'
}

only_ike_in_clear() { # HOST CLEAR-BEFORE IKE-BEFORE
  [ $(($(in_clear "$1") - $2)) = $(($(ike_sent "$1") - $3)) ]
}

gone() { # HOST
  [ "$(slots_used "$1")" = 0 ] && [ "$(states "$1")" = 0 ] && [ -z "$(ip -n "$1" xfrm policy | grep -v socket |
    grep '^src')" ]
}

bounce() { # ADDRESS-TO-PING: the kernel flushes a device that goes down, and says nothing
  say "a's link goes down and comes up"
  ip -n a link set pk0 down
  equal "slots of a without a link" 0 "$(slots_used a)"
  ip -n a link set pk0 up
  wait_for 60 "new SAs in both cards" settled
  wait_for 60 "a ping over the new SAs" on a ping -q -c 1 -W 1 "$1"
  ping_all a "$1" 50 0.005
  wait_for 30 "slots = SAs after that" settled
}

run() { # MODE A-TS B-TS ADDRESS-TO-PING
  local h adds esp
  declare -A clear ike
  say "$1 mode: up"
  daemon_conf a "$(child_conf "$1" "$2" "$3")"
  daemon_conf b "$(child_conf "$1" "$3" "$2")"
  daemon_start a
  daemon_start b
  keyrack a up net
  wait_for 30 "one Child SA in each card" settled
  for h in a b; do
    clear[$h]=$(in_clear "$h")
    ike[$h]=$(ike_sent "$h")
  done
  adds=$(counter a sa_adds)
  esp=$(counter a tx_esp)

  say "$1 mode: $PACKETS pings, rekey every $SOFT packets"
  ping_all a "$4" "$PACKETS" 0.005
  adds=$(($(counter a sa_adds) - adds))
  at_least "SAs that a's card got by rekeys" $((2 * REKEYS)) "$adds"
  at_least "pings that left a as ESP" "$PACKETS" $(($(counter a tx_esp) - esp))
  for h in a b; do
    wait_for 10 "what left $h in clear is IKE, no more and no less" only_ike_in_clear "$h" "${clear[$h]}" "${ike[$h]}"
    equal "packets that $h's card had no SA for" 0 "$(counter "$h" tx_no_sa)"
    equal "replayed packets at $h" 0 "$(counter "$h" rx_replay)"
    equal "unauthentic packets at $h" 0 "$(counter "$h" rx_auth_fail)"
    equal "packets against the policy at $h" 0 "$(counter "$h" rx_policy)"
  done
  wait_for 30 "slots = SAs after the rekeys" settled
  say "$1 mode: $((adds / 2)) rekeys, nothing lost; what the kernel shows on a:"
  ip -n a -s xfrm state
  keyrack a slots

  [ "$1" = tunnel ] || bounce "$4"

  say "$1 mode: SIGTERM"
  daemon_stop a
  daemon_stop b
  for h in a b; do
    wait_for 10 "SAs and policies of $h are gone" gone "$h"
  done
}

hosts_up slots=32
run transport dynamic dynamic 192.0.2.2
networks
run tunnel 10.1.0.0/16 10.2.0.0/16 10.2.0.1
dmesg | grep -E 'BUG|WARNING|Oops|refcount|leak' && fail "the kernel has complained"
say "good"
