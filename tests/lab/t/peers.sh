# Other IKE daemons: keyrackd with the card in packet mode on a; strongSwan or Libreswan with the kernel's own ESP on b,
# whose NIC offloads nothing. Each row of the table is a tunnel: up, traffic while SAs are replaced without a lost
# packet, nothing but ESP on the wire, down, nothing left behind.
# shellcheck shell=bash
. "$LAB_HERE/t/lib.sh"
. "$LAB_HERE/t/lib_peers.sh"

PINGS=600 # of a row, and at least
SOFT=100  # packets, soft limit where SAs are replaced by count
REKEYS=3  # at least, by each side that is to

# Rekeys: by whose packet counts, or `both`: by command, in turn. No tunnel of one IP version in the other: with packet
# offload Linux looks up the route to the other end with the version of what is inside (xfrm_bundle_create).
#    peer        initiator  mode       IP  ESN  algorithms          rekeys
ROWS="
  1  strongswan  keyrack    tunnel     4   yes  aes128gcm16         keyrack
  2  strongswan  peer       transport  4   no   aes256gcm16         peer
  3  strongswan  peer       tunnel     6   no   aes256gcm16-x25519  both
  4  strongswan  keyrack    transport  6   yes  aes256gcm16         peer
  5  strongswan  peer       tunnel     6   yes  aes128gcm16         keyrack
  6  libreswan   keyrack    tunnel     4   yes  aes128gcm16         peer
  7  libreswan   peer       transport  4   no   aes256gcm16         keyrack
  8  libreswan   keyrack    transport  6   yes  aes256gcm16-x25519  both
  9  libreswan   peer       tunnel     6   no   aes128gcm16         peer
"
declare -A OUTER=([a4]=192.0.2.1 [b4]=192.0.2.2 [a6]=2001:db8::1 [b6]=2001:db8::2)
declare -A NET=([a4]=10.1.0.0/16 [b4]=10.2.0.0/16 [a6]=2001:db8:1::/48 [b6]=2001:db8:2::/48)
declare -A INNER=([a4]=10.1.0.1 [b4]=10.2.0.1 [a6]=2001:db8:1::1 [b6]=2001:db8:2::1)

# ---- configuration ----

rows_of() { # PEER
  awk -v peer="$1" '$2 == peer' <<<"$ROWS"
}

net_of() { # HOST MODE VERSION
  [ "$2" = tunnel ] || {
    echo dynamic
    return
  }
  echo "${NET[$1$3]}"
}

conns() { # keyrack | PEER, with PEER's rows on standard input
  local side=$1 n peer _ mode ip esn algs rekeys packets
  while read -r n peer _ mode ip esn algs rekeys; do
    packets=0
    if [ "$side" = keyrack ]; then
      [ "$rekeys" != keyrack ] || packets=$SOFT
      keyrack_conn "r$n" "${OUTER[a$ip]}" "${OUTER[b$ip]}" "$mode" "$(net_of a "$mode" "$ip")" \
        "$(net_of b "$mode" "$ip")" "$esn" "$algs" "$packets"
    else
      [ "$rekeys" != peer ] || packets=$SOFT
      "${peer}_conn" "r$n" "${OUTER[b$ip]}" "${OUTER[a$ip]}" "$mode" "$(net_of b "$mode" "$ip")" \
        "$(net_of a "$mode" "$ip")" "$esn" "$algs" "$packets"
    fi
  done
}

# A network behind each host. No neighbour has to be found, as in lib.sh, and in a tunnel with packet offload between two
# hosts on one link Linux looks for the inner address there: the outer header is not there yet (ip6_finish_output2).
networks() {
  local h p=b mac version
  modprobe -a esp6 esp6_offload
  for h in a b; do
    mac=$(on "$p" cat "/sys/class/net/${DEVICE[$p]}/address")
    on "$h" sh -c "cd /proc/sys/net/ipv6/conf/${DEVICE[$h]} && echo 1 >addr_gen_mode && echo 0 >disable_ipv6"
    ip -n "$h" addr add "${OUTER[${h}6]}/64" dev "${DEVICE[$h]}" nodad
    ip -n "$h" addr add "${INNER[${h}4]}/32" dev lo
    ip -n "$h" addr add "${INNER[${h}6]}/128" dev lo nodad
    for version in 4 6; do
      ip -n "$h" neigh replace "${OUTER[$p$version]}" lladdr "$mac" dev "${DEVICE[$h]}" nud permanent
      ip -n "$h" neigh replace "${INNER[$p$version]}" lladdr "$mac" dev "${DEVICE[$h]}" nud permanent
      ip -n "$h" route add "${NET[$p$version]}" via "${OUTER[$p$version]}" src "${INNER[$h$version]}"
    done
    p=a
  done
  on b ethtool -K pk1 esp-hw-offload off
}

# ---- traffic ----

SENT=0  # pings of a
EARLY=0 # of them, those whose answer the peer sent on an SA that a did not have yet
GONE=0  # ... and those whose answer the peer's kernel had for an SA that its daemon deleted in that moment

# strongSwan deletes the old SA when it has the new one, used or not. A packet of the peer's kernel's own ESP that has that
# SA already, on another CPU, is dropped (xfrm_output_one), and so is an answer over IPv6 that is about to have it: Linux
# does not hold those (xfrm_state_find; icmpv6_echo_reply looks up without XFRM_LOOKUP_QUEUE).
peer_dropped() {
  on b awk '$1 == "XfrmOutStateInvalid" || $1 == "XfrmOutNoStates" { sum += $2 } END { print sum + 0 }' /proc/net/xfrm_stat
}

# A Libreswan that is asked for a rekey sends on the new SA as soon as it has answered, and not, as RFC 7296 2.8 has it,
# once the initiator deletes the old one or uses the new one. What is on its way to a before a has read the answer has
# no SA there, or one that is in the card and not yet valid in the kernel (rx_drop; xfrm_add_sa): so many packets are
# lost, and no more. One that the card had no SA for, and the kernel has when it gets it, is not.
too_early() { # when card_read was called
  on a awk -v n="${CARD[rx_drop]}" '$1 == "XfrmInNoStates" || $1 == "XfrmInStateInvalid" { n += $2 } END { print n }' /proc/net/xfrm_stat
}

pings() { # ADDRESS COUNT
  local out lost before gone
  card_read
  before=$(too_early)
  gone=$(peer_dropped)
  out=$(on a ping -n -q -c "$2" -i 0.003 -W 10 "$1" 2>&1) || true
  [[ $out =~ " packets transmitted, "([0-9]+)" received" ]] || fail "ping to $1: $out"
  lost=$(($2 - BASH_REMATCH[1]))
  card_read
  gone=$(($(peer_dropped) - gone))
  equal "pings lost, but for those that the peer dropped, and packets that came to a before their SA" \
    $(($(too_early) - before)) $((lost - gone))
  SENT=$((SENT + $2))
  EARLY=$((EARLY + lost - gone))
  GONE=$((GONE + gone))
}

replaced() { # SPI: a has one Child SA, and it is another
  [ "$(slots_in_out)" = "1 1" ] && [ "$(spis_in)" != "$1" ]
}

# Not at once: strongSwan 6.0.1 forgets a Child SA, and does not say so, if it is to rekey one that has just replaced
# another which we have not deleted yet. Until keyrackd turns to the newest, after a second, what it sends is lost.
rekey_in_turn() { # PEER NAME
  local i spi
  for ((i = 0; i < REKEYS; i++)); do
    spi=$(spis_in)
    keyrack a rekey "$2-net" >/dev/null 2>&1
    wait_for 30 "another Child SA after keyrack's rekey" replaced "$spi"
    spi=$(spis_in)
    "$1_rekey" "$2"
    wait_for 30 "another Child SA after the peer's rekey" replaced "$spi"
  done
}

traffic() { # PEER NAME ADDRESS REKEYS
  local job
  SENT=0 EARLY=0 GONE=0
  if [ "$4" = both ]; then
    rekey_in_turn "$1" "$2" &
    job=$!
    while kill -0 "$job" 2>/dev/null; do
      pings "$3" 50
    done
    wait "$job"
  fi
  while ((SENT < PINGS)); do
    pings "$3" "$PINGS"
  done
}

# ---- a row ----

as_wanted() { # MODE ESN ALGORITHMS: b's SAs, with keys; one that is only in the making has none
  local bits=160 found
  case $3 in aes256*) bits=288 ;; esac
  found=$(ip -n b -s xfrm state | awk -v mode="$1" -v bits="($bits" -v esn="$2" '
    /^\tproto esp / { is = $NF }
    / flag / { has = / flag .*esn/ ? "yes" : "no" }
    /^\taead / { n++; m += is == mode; b += $2 == "rfc4106(gcm(aes))" && $4 == bits; e += has == esn }
    /offload/ { o++ }
    END { print n + 0, n - m, n - b, n - e, o + 0 }')
  at_least "SAs of b" 2 "${found%% *}"
  equal "SAs of b in another mode, with other keys, with another ESN, offloaded" "0 0 0 0" "${found#* }"
}

up() { # PEER INITIATOR NAME
  if [ "$2" = keyrack ]; then
    keyrack a up "$3-net" >/dev/null 2>&1
  else
    "$1_up" "$3"
  fi
}

down() { # PEER INITIATOR NAME
  if [ "$2" = keyrack ]; then
    keyrack a down "$3" >/dev/null 2>&1
  else
    "$1_down" "$3"
  fi
}

row() { # N PEER INITIATOR MODE IP ESN ALGORITHMS REKEYS
  local n=$1 peer=$2 mode=$4 who esp clear address=${INNER[b$5]} start=$SECONDS
  declare -A rekeys
  [ "$mode" = tunnel ] || address=${OUTER[b$5]}
  up "$peer" "$3" "r$n"
  wait_for 30 "one Child SA, which is in a's card" has_children 1
  card_read
  status_read
  esp=${CARD[tx_esp]}
  clear=$(in_clear)
  rekeys=([keyrack]=${STATUS[keyrack]} [peer]=${STATUS[peer]})

  traffic "$peer" "r$n" "$address" "$8"
  wait_for 30 "one Child SA in the end" has_children 1
  as_wanted "$mode" "$6" "$7"
  wait_for 10 "what left a in clear is IKE, no more and no less" still_in_clear "$clear"
  equal "pings that left a as ESP" "$SENT" $((CARD[tx_esp] - esp))
  for who in tx_no_sa rx_replay rx_auth_fail rx_policy; do
    equal "$who of a" 0 "${CARD[$who]}"
  done
  for who in keyrack peer; do
    rekeys[$who]=$((${STATUS[$who]} - ${rekeys[$who]}))
    case $8 in
    "$who" | both) at_least "rekeys by $who" "$REKEYS" "${rekeys[$who]}" ;;
    *) equal "rekeys by $who" 0 "${rekeys[$who]}" ;;
    esac
  done
  if [ "$peer" != libreswan ] || [ "${rekeys[keyrack]}" = 0 ]; then
    equal "packets of $peer before their SA" 0 "$EARLY"
  fi

  down "$peer" "$3" "r$n"
  wait_for 30 "nothing left behind" gone
  printf '%-11s %-9s %-10s %-3s %-4s %-19s %4d %5d %4d %15d %4d %3d\n' "$peer" "$3" "$mode" "$5" "$6" "$7" \
    "$SENT" "$EARLY" "$GONE" "${rekeys[keyrack]}" "${rekeys[peer]}" $((SECONDS - start))
}

table_of() { # PEER
  local n rest
  policies_note
  say "$1: rows"
  printf '%-11s %-9s %-10s %-3s %-4s %-19s %s\n' peer initiator mode IP ESN algorithms \
    "pings early gone  rekeys: keyrack peer   s"
  while read -r n rest; do
    # shellcheck disable=SC2086 # columns are words
    row "$n" $rest </dev/null
  done < <(rows_of "$1")
}

tree_mount trixie || {
  say "skipped: lab.sh setup could not have the peers"
  exit 77
}
hosts_up slots=64 queues=4
networks
keyrackd_conf "$(conns keyrack <<<"$(rows_of strongswan && rows_of libreswan)")"
daemon_start a
for peer in strongswan libreswan; do
  "${peer}_start" "$(conns "$peer" <<<"$(rows_of "$peer")")"
  table_of "$peer"
  "${peer}_stop"
done
daemon_stop a
kernel_quiet
say "good"
