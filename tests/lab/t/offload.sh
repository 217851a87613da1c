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

  [ "$1" = tunnel ] || [ "${4//:/}" != "$4" ] || bounce "$4" # an interface that goes down forgets IPv6 addresses

  [ "$1" = tunnel ] || [ "${4//:/}" = "$4" ] || found_again

  say "$1 mode: SIGTERM"
  daemon_stop a
  daemon_stop b
  for h in a b; do
    wait_for 10 "SAs and policies of $h are gone" gone "$h"
  done
}

neighbours_six() {
  local to
  # in tunnel mode Linux looks for the inner address on the link, and nobody answers for one on lo
  for to in fd00::2 fd02::1; do
    ip -n a neigh replace $to lladdr "$(on b cat /sys/class/net/pk1/address)" dev pk0 nud permanent
  done
  for to in fd00::1 fd01::1; do
    ip -n b neigh replace $to lladdr "$(on a cat /sys/class/net/pk0/address)" dev pk1 nud permanent
  done
}

found_again() { # the hosts forget each other's link addresses, and find them beside the SAs that cover all else
  local bypassed
  bypassed=$(counter b tx_bypass)
  say "neighbour discovery"
  ip -n a neigh del fd00::2 dev pk0
  ip -n b neigh del fd00::1 dev pk1
  ping_all a fd00::2 5 0.1
  at_least "advertisements that left b in clear" 1 $(($(counter b tx_bypass) - bypassed))
  neighbours_six
}

# Both hosts by IPv6 from here on, with a network behind each. Nothing but ESP and IKE leaves: no neighbours are looked
# for, no routers, and what multicast groups have to say is said before anything is counted.
six() {
  local h
  ADDRESS=([a]=fd00::1 [b]=fd00::2)
  for h in a b; do
    on "$h" sh -c "cd /proc/sys/net/ipv6/conf/${DEVICE[$h]} && echo 0 >router_solicitations && echo 1 >addr_gen_mode &&
      echo 0 >disable_ipv6"
    ip -n "$h" addr add "${ADDRESS[$h]}/64" dev "${DEVICE[$h]}" nodad
  done
  neighbours_six
  ip -n a addr add fd01::1/128 dev lo nodad
  ip -n b addr add fd02::1/128 dev lo nodad
  ip -n a route add fd02::/64 via fd00::2 dev pk0 src fd01::1
  ip -n b route add fd01::/64 via fd00::1 dev pk1 src fd02::1
  sleep 3
}

hosts_up slots=32
run transport dynamic dynamic 192.0.2.2
networks
run tunnel 10.1.0.0/16 10.2.0.0/16 10.2.0.1
six
run transport dynamic dynamic fd00::2
run tunnel fd01::/64 fd02::/64 fd02::1
kernel_quiet
say "good"
