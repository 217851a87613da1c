# Two keyrackd, one on each host, over the module's NICs in packet mode, and what can go wrong: a table that is smaller
# than believed, links that go, events that are lost, keyrackd killed, SAs refused. After each case all SAs are in the
# cards, slots and SAs are the same, traffic flows, nothing that a policy covers has left in clear, and after SIGTERM
# nothing is left behind. Arguments: names of cases; none: all.
# shellcheck shell=bash
. "$LAB_HERE/t/lib.sh"

SOFT=100 # packets, soft limit, where a case is about rekeys

# ---- configuration ----

child() { # NAME HOST MORE...: a child section, from 10.1.N.0/24 to 10.2.N.0/24 or the other way round; N ends the name
  local name=$1 n=${1##*[a-z]} here=1 there=2
  [ "$2" = b ] && here=2 there=1
  shift 2
  printf '%s {\n' "$name"
  printf 'local_ts = 10.%s.%s.0/24\nremote_ts = 10.%s.%s.0/24\n' "$here" "$n" "$there" "$n"
  printf 'esp_proposals = aes128gcm16-esn\nhw_offload = %s\n' "${OFFLOAD:-packet}"
  printf '%s\n' "$@"
  printf '}\n'
}

limits() { # SOFT: of packets
  printf 'rekey_packets = %s\nrand_packets = %s\nlife_packets = %s\n' "$1" $(($1 / 5)) $((20 * $1))
}

both_conf() { # SETTINGS-OF-THE-CHILD...: one child, net1, on both
  local h
  for h in a b; do
    daemon_conf "$h" "$(child net1 "$h" "$@")" "${NIC_CONF:-}"$'\n  drain = 300ms'
  done
}

starts() { # COMMAND...: that writes both configurations; a starts what it has
  "$@" "start_action = start"
  sed -i 's/start_action = start/start_action = none/' "$WORK/b.conf"
}

both_start() {
  daemon_start b
  daemon_start a
}

networks() { # three behind each host
  local n
  for n in 1 2 3; do
    ip -n a addr add "10.1.$n.1/32" dev lo
    ip -n b addr add "10.2.$n.1/32" dev lo
  done
  routes
}

routes() { # an interface that goes down forgets them
  local n
  for n in 1 2 3; do
    ip -n a route replace "10.2.$n.0/24" dev pk0 src "10.1.$n.1" &&
      ip -n b route replace "10.1.$n.0/24" dev pk1 src "10.2.$n.1" || return 1
  done
  neighbours
}

size() { # HOST SLOTS: of each of the card's tables
  echo "$2" >"$DEBUGFS/${DEVICE[$1]}/slots_in"
  echo "$2" >"$DEBUGFS/${DEVICE[$1]}/slots_out"
}

# ---- what is there ----

card_has() { # HOST PAIRS [POLICIES]: in its tables, and nothing that comes or goes
  local line
  read -r line <"$DEBUGFS/${DEVICE[$1]}/ipsec"
  [[ $line =~ ^in\ $2/[0-9]+\ out\ $2/[0-9]+\ policies\ ${3:-[0-9]+}/[0-9]+\ larval\ 0\ draining\ 0$ ]]
}

sa_counts() { # HOST: SAs in the kernel, and how many of them are in the card
  ip -n "$1" -s xfrm state | awk '
    /^src/ { all++ }
    /crypto offload parameters: .*mode packet/ { packet++ }
    END { print all + 0, packet + 0 }'
}

policies() { # HOST: in the kernel; sockets' own are nobody's
  ip -n "$1" xfrm policy | grep -cE '^[[:space:]]*dir (in|out|fwd) ' || true
}

guarded() { # every policy but those for what is forwarded is in the card
  local h
  for h in a b; do
    card_has "$h" '[0-9]+' "$(ip -n "$h" xfrm policy | grep -cE '^[[:space:]]*dir (in|out) ')" || return 1
  done
}

slots_told() { # HOST: what keyrack says is occupied; nothing if it says that others are in use
  keyrack "$1" slots | awk '$2 == "in" || $2 == "out" { if ($3 == "occupied") n++; else other++ }
    END { if (!other) print n + 0 }'
}

stat_of() { # HOST NAME...: the sum of these counters of keyrackd's
  local h=$1 names
  shift
  names=$*
  keyrack "$h" status --json | awk -v names=" $names " -F '[": ,]+' '
    index(names, " " $2 " ") && !seen[$2]++ { sum += $3 }
    END { print sum + 0 }'
}

sound() { # HOST PAIRS [PAIRS-IN-SOFTWARE]: slots = SAs = what keyrack says, and nothing half done
  local n=$((2 * $2))
  card_has "$1" "$2" && [ "$(sa_counts "$1")" = "$((n + 2 * ${3:-0})) $n" ] && [ "$(slots_told "$1")" = $n ]
}

both_sound() { # PAIRS [PAIRS-IN-SOFTWARE]
  sound a "$@" && sound b "$@"
}

all_gone() { # HOST: all of it
  card_has "$1" 0 0 && [ "$(sa_counts "$1")" = "0 0" ] && [ "$(policies "$1")" = 0 ]
}

learned() { # HOST: that its table is smaller than configured
  keyrack "$1" slots | has 'learned'
}

rekeys() { # of a's SAs, whoever has asked for them
  stat_of a rekeys_done rekeys_peer
}

has_rekeyed() { # TIMES
  [ "$(rekeys)" -ge "$1" ]
}

rekeyed() { # TIMES AT LEAST: and no SA has reached its hard limit
  at_least "rekeys" "$1" "$(rekeys)"
  equal "hard limits reached" "0 0" "$(stat_of a hard_expired) $(stat_of b hard_expired)"
}

said() { # HOST TEXT: in its log since the case began
  grep -q -- "$2" "$WORK/$1.log"
}

# ---- traffic ----

snmp() { # HOST PROTOCOL FIELD
  on "$1" cat /proc/net/snmp |
    awk -v p="$2:" -v f="$3" '$1 == p && !n { for (n = 2; n <= NF && $n != f; n++); next } $1 == p { print $n }'
}

# What has come to a host in clear and is not IKE, nor a complaint about it: UDP is all IKE here. The card counts what
# it has dropped because a policy wants it protected, too. A complaint may have been dropped on its way, and then it is
# one too few. Of a datagram that keyrackd has not read before it was killed nobody tells.
clear_at() { # HOST
  local peer=a
  [ "$1" = a ] && peer=b
  echo $(($(counter "$1" rx_plain) + $(counter "$1" rx_policy) - $(snmp "$1" Udp InDatagrams) - \
    $(snmp "$1" Udp NoPorts) - $(snmp "$1" Udp InErrors) - $(snmp "$peer" Icmp OutDestUnreachs)))
}

# What has left a host in clear and is neither: what was sent while the link was down has not left, and is one too few.
clear_from() { # HOST
  echo $(($(counter "$1" tx_plain) + $(counter "$1" tx_bypass) - $(snmp "$1" Udp OutDatagrams) - \
    $(snmp "$1" Icmp OutDestUnreachs)))
}

no_state() { # of both
  echo $(($(no_states a) + $(no_states b)))
}

flow_start() { # 100 pings a second from a, until flow_end
  SENT=$(snmp a Icmp OutEchos) ANSWERED=$(snmp a Icmp InEchoReps) NO_STATE=$(no_state)
  ip netns exec a ping -n -q -i 0.01 -W 5 10.2.1.1 >"$WORK/flow" 2>&1 &
  FLOW=$!
}

answered_all() { # pings since flow_start, by the kernel's count: ping itself does not wait for the last answer
  [ $(($(snmp a Icmp OutEchos) - SENT)) = $(($(snmp a Icmp InEchoReps) - ANSWERED + HIDDEN)) ]
}

# None of them is lost. While an SA is in software Linux may not look past it for those in the card with the same reqid
# (docs/configuration.md): what is sent until it has been found out and is gone has no SA, and the kernel counts it.
flow_end() { # [MOST]: that have met that
  sleep 1
  kill -INT "$FLOW"
  wait "$FLOW" || true
  HIDDEN=$(($(no_state) - NO_STATE))
  [ $HIDDEN -le "${1:-0}" ] || fail "$HIDDEN packets had no SA, more than ${1:-0}"
  wait_for 10 "an answer to each ping that had an SA: $(tail -n 3 "$WORK/flow")" answered_all
  say "$(($(snmp a Icmp InEchoReps) - ANSWERED)) pings answered, $HIDDEN without an SA"
}

answers() { # HOST ADDRESS
  on "$1" ping -n -q -c 1 -W 1 "$2"
}

flows() { # ADDRESS: every packet
  wait_for 30 "an answer from $1" answers a "$1"
  ping_all a "$1" 20 0.02
}

wakes() { # HOST: its traffic to the other one asks for an SA
  local peer=b
  [ "$1" = b ] && peer=a
  wait_for 30 "an answer, after a packet has asked for an SA" answers "$1" "${ADDRESS[$peer]}"
}

# ---- the end of each case ----

settle() { # PAIRS [ADDRESS]: all SAs are in hardware, traffic flows, and the same again
  wait_for 60 "$1 pairs of SAs in both cards, and what keyrack says the same" both_sound "$1"
  flows "${2:-10.2.1.1}"
  wait_for 30 "the same after traffic" both_sound "$1"
  wait_for 30 "every policy in the cards" guarded
}

clear_note() { # at|from
  CLEAR_A=$("clear_$1" a) CLEAR_B=$("clear_$1" b)
}

is_clear_none() { # at|from
  FOUND_A=$(($("clear_$1" a) - CLEAR_A)) FOUND_B=$(($("clear_$1" b) - CLEAR_B))
  ((FOUND_A <= 0 && FOUND_B <= 0))
}

clear_none() { # at|from: since the same clear_note. The kernel counts a datagram of IKE when keyrackd reads it
  local end=$((SECONDS + 10))
  until is_clear_none "$1"; do
    ((SECONDS < end)) || fail "in clear: $FOUND_A packets $1 a, $FOUND_B $1 b"
    sleep 0.2
  done
}

both_stop() {
  local h
  daemon_stop a
  daemon_stop b
  for h in a b; do
    wait_for 20 "SAs and policies of $h are gone" all_gone "$h"
  done
}

killed() { # HOST: kill -9
  kill -KILL "${PID[$1]}"
  wait "${PID[$1]}" || true
  rm -f "$WORK/$1.vici"
}

# ---- cases: the table is smaller than believed ----

# Four queues and the fallback want five pairs, and there is room for four. The one that answers learns it first, and
# tells the other (TS_MAX_QUEUE). One more goes, for replacements; what has none uses the fallback, and what there is is
# replaced as before.
case_full_queues() {
  local h
  for h in a b; do
    size "$h" 4
  done
  starts both_conf "per_cpu_sas = 4" "$(limits $SOFT)"
  both_start
  wait_for 60 "the size is learned" learned b
  wait_for 60 "a is told" said a TS_MAX_QUEUE
  flow_start
  sleep 4
  flow_end
  keyrack b slots
  wait_for 60 "three pairs of SAs" both_sound 3
  at_least "SAs taken back" 1 $(($(stat_of a taken_back) + $(stat_of b taken_back)))
  rekeyed 2
  settle 3
}

# Three tunnels, and room for two pairs: what has none runs in software, and one gives way to replacements.
case_full_auto() {
  local h n
  for h in a b; do
    size "$h" 2
    daemon_conf "$h" "$(for n in 1 2 3; do OFFLOAD=auto child "net$n" "$h"; done)"
  done
  both_start
  for n in 1 2 3; do
    keyrack a up "net$n"
  done
  wait_for 60 "one pair in the card, two in software" both_sound 1 2
  for n in 1 2 3; do
    flows "10.2.$n.1"
    keyrack a rekey "net$n"
  done
  wait_for 30 "three rekeys" has_rekeyed 3
  rekeyed 3
  wait_for 60 "one pair in the card, two in software again" both_sound 1 2
  for n in 1 2 3; do
    flows "10.2.$n.1"
  done
}

# The same with hw_offload = packet: the third does not come up, and says why; what is up stays.
case_full_packet() {
  local h n
  size b 2
  for h in a b; do
    daemon_conf "$h" "$(for n in 1 2 3; do child "net$n" "$h"; done)"
  done
  both_start
  keyrack a up net1
  keyrack a up net2
  for n in 1 2; do
    keyrack a up net3 >"$WORK/up" 2>&1 && fail "net3 came up without a slot"
    cat "$WORK/up"
    grep -q NO_ADDITIONAL_SAS "$WORK/up" || fail "net3 is not refused with NO_ADDITIONAL_SAS"
  done
  at_least "that b has refused before it asked its card" 1 "$(stat_of b admission_refused)"
  wait_for 30 "two pairs in the cards" both_sound 2
  flows 10.2.1.1
  flows 10.2.2.1
}

# ---- cases: in the card and in software side by side ----

CHAINS=16 # connections: Linux keeps their SAs in so few chains that some of either kind would share one

chains_conf() { # HOST: a connection from a's address to each of b's; every other one is in software
  local n offload action=none
  [ "$1" = a ] && action=start
  printf 'nic {\nbackend = xfrm\ndevice = %s\nslots = 64\ndrain = 300ms\n}\n' "${DEVICE[$1]}"
  printf 'daemon {\ncontrol = %s\nlog_level = info\n}\nconnections {\n' "$WORK/$1.vici"
  for ((n = 1; n <= CHAINS; n++)); do
    offload=packet
    ((n % 2)) || offload=no
    printf 'c%s {\nproposals = aes128gcm16-prfsha256-x25519\n' $n
    if [ "$1" = a ]; then
      printf 'local_addrs = %s\nremote_addrs = %s\n' "${ADDRESS[a]}" "192.0.2.$((100 + n))"
      printf 'local {\nauth = psk\nid = a.lab\n}\nremote {\nauth = psk\nid = b%s.lab\n}\n' $n
    else
      printf 'local_addrs = %s\nremote_addrs = %s\n' "192.0.2.$((100 + n))" "${ADDRESS[a]}"
      printf 'local {\nauth = psk\nid = b%s.lab\n}\nremote {\nauth = psk\nid = a.lab\n}\n' $n
    fi
    printf 'children {\nnet%s {\nmode = transport\nesp_proposals = aes128gcm16-esn\n' $n
    printf 'hw_offload = %s\nstart_action = %s\n}\n}\n}\n' $offload $action
  done
  printf '}\nsecrets {\nike-lab {\nsecret = 0sFpZAZqEN6Ti9sqt4ZP5EWcqx\n}\n}\n'
}

chains_flow() { # through the card
  local n
  for ((n = 1; n <= CHAINS; n += 2)); do
    ping_all a "192.0.2.$((100 + n))" 3 0.01
  done
}

# Where an SA in software is before one in packet mode in Linux's chain, the packets of the latter are dropped.
case_chains() {
  local h n without
  without=$(no_state)
  for ((n = 1; n <= CHAINS; n++)); do
    ip -n b addr add "192.0.2.$((100 + n))/32" dev pk1
    ip -n a neigh replace "192.0.2.$((100 + n))" lladdr "$(on b cat /sys/class/net/pk1/address)" dev pk0 nud permanent
  done
  for h in a b; do
    chains_conf $h >"$WORK/$h.conf"
  done
  both_start
  wait_for 60 "half of the pairs in the card, half in software" both_sound $((CHAINS / 2)) $((CHAINS / 2))
  chains_flow
  say "those in software are replaced"
  for ((n = 2; n <= CHAINS; n += 2)); do
    keyrack a rekey net$n >/dev/null
  done
  wait_for 30 "rekeys" has_rekeyed $((CHAINS / 2))
  wait_for 60 "the same again" both_sound $((CHAINS / 2)) $((CHAINS / 2))
  chains_flow
  ping_all a "192.0.2.$((100 + CHAINS))" 3 0.01
  equal "packets without an SA" 0 $(($(no_state) - without))
  for ((n = 1; n <= CHAINS; n++)); do
    ip -n b addr del "192.0.2.$((100 + n))/32" dev pk1
  done
}

# ---- cases: acknowledged, and not done ----

case_silent() {
  both_conf "$(limits $SOFT)"
  both_start
  say "a's card acknowledges SAs and leaves them to software"
  fault a "silent_no_offload always"
  keyrack a up net1 >"$WORK/up" 2>&1 && fail "net1 came up in software"
  cat "$WORK/up"
  at_least "SAs that a has found not offloaded" 1 "$(stat_of a not_offloaded)"
  said a 'acknowledged but not offloaded: packet was asked for, the SA is in software' || fail "a's log does not say why"
  wait_for 30 "nothing of it at a" all_gone a
  wait_for 30 "nothing of it at b" all_gone b
  fault a "silent_no_offload 0"
  keyrack a up net1
  settle 1
  say "the same with replacements"
  flow_start
  fault a "silent_no_offload 4"
  wait_for 30 "four of them" struck a silent_no_offload
  wait_for 30 "a rekey all the same" has_rekeyed 1
  flow_end 4
  rekeyed 1
  settle 1
  say "the same with policies"
  fault a "silent_no_offload 2"
  ip -n a link set pk0 down
  ip -n a link set pk0 up
  wait_for 30 "both of them" struck a silent_no_offload
  routes
  settle 1
}

# ---- cases: links ----

is_up() { # HOST
  ip -n "$1" link show "${DEVICE[$1]}" | has 'state UP'
}

case_link() {
  starts both_conf
  both_start
  settle 1
  clear_note at
  say "a's link goes down and comes up; b's has only lost its carrier"
  ip -n a link set pk0 down
  equal "slots of a without a link" 0 "$(slots_used a)"
  equal "slots of b without a carrier" 2 "$(slots_used b)"
  ip -n a link set pk0 up
  routes
  settle 1
  say "b's card loses its link for a while"
  fault b "link_down 1 1500"
  wait_for 30 "b's link is back" is_up b
  routes
  settle 1
  say "both cards reset"
  fault a "reset 1"
  fault b "reset 1"
  wait_for 30 "a's link is back" is_up a
  wait_for 30 "b's link is back" is_up b
  routes
  settle 1
  clear_none at
}

# ---- cases: events ----

# a stands still while its socket overflows with what others' SAs have to say; its own soft limits are among what is
# lost.
case_events() {
  local n state told rekeys
  NIC_CONF="event_buffer = 4k" starts both_conf "$(limits $SOFT)"
  both_start
  settle 1
  for ((n = 1; n <= 40; n++)); do
    state="src 203.0.113.1 dst 203.0.113.2 proto esp spi $((0x1000 + n))"
    printf 'xfrm state add %s mode tunnel limit time-soft 1 aead rfc4106(gcm(aes)) 0x%040d 128\n' "$state" "$n" >&3
    printf 'xfrm state delete %s\n' "$state" >&4
  done 3>"$WORK/flood" 4>"$WORK/ebb"
  flow_start
  kill -STOP "${PID[a]}"
  ip -n a -batch "$WORK/flood"
  sleep 3
  kill -CONT "${PID[a]}"
  sleep 2
  flow_end
  ip -n a -batch "$WORK/ebb"
  at_least "overruns" 1 "$(stat_of a overruns)"
  at_least "times that all was read back" 1 "$(stat_of a resyncs)"
  rekeyed 1
  settle 1
  say "no soft limit is told of any more"
  fault a "lose_event always 1"
  fault b "lose_event always 1"
  told=$(($(stat_of a soft_events) + $(stat_of b soft_events)))
  rekeys=$(rekeys)
  flow_start
  wait_for 60 "two rekeys" has_rekeyed $((rekeys + 2))
  flow_end
  equal "soft limits that were told of" "$told" $(($(stat_of a soft_events) + $(stat_of b soft_events)))
  rekeyed $((rekeys + 2))
  settle 1
}

# ---- cases: killed ----

again() { # HOST...: killed, they start again, and all is as before
  local h
  for h; do
    killed "$h"
  done
  for h; do
    daemon_start "$h"
  done
}

# From each CPU of a: a queue's SA that the other end has asked for is used when something has come over it, or after
# 10 s.
each_queue_used() {
  local cpu
  for cpu in 0 1 2 3; do
    on a taskset -c "$cpu" ping -n -q -c 1 -W 1 10.2.1.1 || true
  done
  both_sound 5
}

settle_used() {
  wait_for 60 "5 pairs of SAs in both cards that are used" each_queue_used
  settle 5
}

acquires_last() { # SECONDS: the kernel asks for an SA so long, and nobody can take it back; usually 30
  on a sh -c "echo $1 >/proc/sys/net/core/xfrm_acq_expires"
  on b sh -c "echo $1 >/proc/sys/net/core/xfrm_acq_expires"
}

case_kill() {
  local try h
  acquires_last 5
  both_conf "per_cpu_sas = 4" "start_action = start" "$(limits $SOFT)"
  both_start
  settle 5
  clear_note from
  for h in "b" "a b"; do
    say "kill -9 of $h, idle"
    # shellcheck disable=SC2086 # words
    again $h
    settle_used
  done
  for try in 0.2 0.5; do
    say "kill -9 of a in the middle of rekeys"
    flow_start
    sleep "$try"
    keyrack a rekey net1 >/dev/null
    again a
    kill "$FLOW"
    settle_used
  done
  for try in 0.1 0.4; do
    say "kill -9 of a while it brings up its SAs"
    killed a
    daemon_start a
    sleep "$try"
    again a
    settle_used
  done
  clear_none from
  say "what a has removed: $(stat_of a orphans_removed)"
  acquires_last 30
}

# ---- cases: refused ----

struck() { # HOST FAULT: as often as it was to
  [ "$(fault_left "$1" "$2")" = 0 ]
}

case_refuse() {
  local what
  starts both_conf "$(limits $SOFT)"
  both_start
  settle 1
  flow_start
  for what in "refuse 4 22" "refuse 12 28" "refuse 4 16" "refuse_nth 1 2" "full 2"; do
    say "a's card: $what"
    fault a "$what"
    wait_for 60 "a refusal, $what" struck a "${what%% *}"
  done
  what=$(rekeys)
  wait_for 60 "another rekey" has_rekeyed $((what + 1))
  flow_end
  at_least "refusals" 23 "$(stat_of a install_refused)"
  rekeyed 3
  settle 1
}

# The card holds a deleted SA's slot, and there are two: replacements find no room for a while.
case_late_free() {
  starts both_conf "$(limits $SOFT)"
  size a 2
  both_start
  settle 1
  fault a "delayed_free always 2500"
  flow_start
  wait_for 90 "two rekeys" has_rekeyed 2
  flow_end
  rekeyed 2
  at_least "refusals" 1 "$(stat_of a install_refused)"
  learned a && fail "a takes its table for smaller than it is"
  fault a "delayed_free 0"
  settle 1
}

# ---- cases: IKE where the selectors cover it ----

host_conf() { # START-ACTION: transport mode, host to host, on both
  local h
  for h in a b; do
    daemon_conf "$h" "net1 {
      mode = transport
      esp_proposals = aes128gcm16-esn
      hw_offload = packet
      start_action = $1
    }" "drain = 300ms"
  done
}

protected() { # what is not IKE: from a, UDP to a port that is nobody's
  local esp
  esp=$(counter a tx_esp)
  ip netns exec a bash -c 'echo >/dev/udp/192.0.2.2/9'
  equal "datagrams to port 9 that left as ESP" 1 $(($(counter a tx_esp) - esp))
  sleep 0.3 # the complaint about it: it was UDP, and not in clear
}

case_bypass() {
  local who
  host_conf trap
  both_start
  clear_note from
  say "kill -9 of a with nothing but traps"
  again a
  wakes a
  settle 1 192.0.2.2
  card_has a 1 6 || fail "in a's card are not two policies, and four that let IKE pass"
  clear_none from
  protected
  clear_note at
  say "a's link goes down and comes up"
  ip -n a link set pk0 down
  ip -n a link set pk0 up
  settle 1 192.0.2.2
  clear_none at
  clear_note from
  for who in "a" "b" "a b"; do
    say "kill -9 of $who: its traps are sprung by the SAs that it finds"
    # shellcheck disable=SC2086 # words
    again $who
    settle 1 192.0.2.2
  done
  clear_none from
  protected
  clear_note from
  keyrack a rekey lab
  settle 1 192.0.2.2
  clear_none from
}

# ---- all of them ----

CASES=(full_queues full_auto full_packet chains silent link events kill refuse late_free bypass)

run_case() { # NAME
  local h what
  say "case $1"
  for h in a b; do
    : >"$WORK/$h.log"
    size "$h" 64
    while read -r what _; do
      fault "$h" "$what 0"
    done <"$DEBUGFS/${DEVICE[$h]}/faults"
  done
  routes
  "case_$1"
  both_stop
  say "case $1: good, after $SECONDS s"
}

hosts_up slots=64
networks
[ $# -gt 0 ] || set -- "${CASES[@]}"
for name; do
  run_case "$name"
done
kernel_quiet
say "good"
