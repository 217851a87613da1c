# The module's faults, each armed in debugfs and its effect counted.
# shellcheck shell=bash
. "$LAB_HERE/t/sa.sh"

offloaded() { # HOST: SAs and policies that the kernel shows with an offload
  { ip -n "$1" xfrm state && ip -n "$1" xfrm policy; } | grep -c 'offload parameters' || true
}

decrypts_at_b() { # a packet from a
  local before
  before=$(counter b rx_esp)
  on a ping -n -q -c 1 -W 0.1 192.0.2.2 >"$WORK/ping" || true
  [ "$(counter b rx_esp)" -gt "$before" ]
}

ms() { # the time
  echo $(($(date +%s%N) / 1000000))
}

# SAs with these settings, a fault, and so many pings from a; what is told of limits is in $WORK/expire
limited() { # PINGS FAULT [SETTING...]
  local pings=$1 fault=$2
  shift 2
  : >"$WORK/expire"
  ip -n a xfrm monitor expire >"$WORK/expire" 2>&1 &
  monitor=$!
  wait_for 30 "the monitor" grep -qw "$monitor" "/proc/$monitor/net/netlink"
  fault a "$fault"
  soft=$(counter a soft_expired) hard=$(counter a hard_expired) lost=$(counter a events_lost) esp=$(counter b rx_esp)
  pair_up "$@"
  start=$(ms)
  on a ping -n -q -c "$pings" -i 0.05 -W 0.2 192.0.2.2 >"$WORK/ping" || true
}

told() { # soft|hard: how often
  grep -c "hard $([ "$1" = hard ] && echo 1 || echo 0)" "$WORK/expire" || true
}

has_told() { # soft|hard NUMBER
  [ "$(told "$1")" = "$2" ]
}

has_states() { # HOST NUMBER
  [ "$(states "$1")" = "$2" ]
}

limited_end() { # SOFT HARD: how often they were told in the end
  sleep 0.2 # for one too many
  equal "soft events" "$1" "$(told soft)"
  equal "hard events" "$2" "$(told hard)"
  kill "$monitor"
  flush
}

shown() { # packets of a's outbound SA, in a dump
  ip -n a -s xfrm state get src 192.0.2.1 dst 192.0.2.2 proto esp spi 0x100 |
    sed -n 's/.*(bytes), \([0-9]*\)(packets).*/\1/p' | head -n 1
}

shown_is() { # PACKETS
  [ "$(shown)" = "$1" ]
}

hosts_up slots=4 queues=4

say "what is no fault"
for line in refuse "nothing 1" "refuse 1" "refuse 1 0" "refuse 1 5000" "refuse x 1" "refuse 1 2 3" "full 1 1" ""; do
  if printf '%s\n' "$line" 2>/dev/null >"$DEBUGFS/pk0/faults"; then
    fail "accepted as a fault: $line"
  fi
done
equal "faults that are armed" 0 "$(awk '$2 != 0' "$DEBUGFS/pk0/faults" | grep -c . || true)"

say "refuse, twice, with ENOSPC; then always with EBUSY"
fault a "refuse 2 28"
refused "Device failed to offload this state" a out 0x101
refused "Device failed to offload this state" a in 0x201
sa a out 0x101
equal "SAs that were refused" 2 "$(counter a sa_refused)"
equal "refusals that are left" 0 "$(fault_left a refuse)"
fault a "refuse always 16"
on a "$KEYRACK_BIN/keyrack" --socket "$WORK/none.vici" doctor --probe pk0 >"$WORK/doctor" || true
for trial in packet-in packet-out; do
  grep "$trial" "$WORK/doctor" | has "Device or resource busy.*Device failed to offload this state" ||
    fail "$trial: $(grep "$trial" "$WORK/doctor")"
done
fault a "refuse 0"
sa a out 0x102
flush

say "refuse_nth: the third, and again the third after it"
fault a "refuse_nth 2 3"
sa a out 0x101
sa a out 0x102
refused "Device failed to offload this state" a out 0x103
sa a in 0x201
sa a in 0x202
refused "Device failed to offload this state" a in 0x203
sa a in 0x203
flush

say "full: with two of four slots used"
sa a out 0x101
sa a out 0x102
fault a "full 1"
refused "the SA table is full" a out 0x103
sa a out 0x103
flush

say "delayed_free: a slot is free after 700 ms, and after that without a delay"
fault a "delayed_free 1 700"
sa a out 0x101
sa a out 0x102
start=$(ms)
sa_delete a 0x101
equal "slots that are used" 1 "$(slots_used a)"
wait_for 30 "the slot is free" drained a
at_least "ms that it took" 700 $(($(ms) - start))
equal "strikes that are left" 0 "$(fault_left a delayed_free)"
sa_delete a 0x102
wait_for 30 "another slot is free" drained a
flush

say "silent_no_offload: both SAs and both policies of a are the kernel's, and traffic is protected"
fault a "silent_no_offload 4"
pair_up
equal "SAs and policies of a that are offloaded" 0 "$(offloaded a)"
equal "SAs and policies of b that are offloaded" 4 "$(offloaded b)"
equal "slots of a" 0 "$(slots_used a)"
equal "SAs that a's kernel has" 2 "$(states a)"
esp=$(counter a tx_esp) plain=$(counter a tx_plain) no_sa=$(counter a rx_no_sa)
rx=$(counter b rx_esp) tx=$(counter b tx_esp)
ping_all a 192.0.2.2 5 0.05
equal "packets that a's card has encrypted" 0 $(($(counter a tx_esp) - esp))
equal "packets that a's card has let pass, which are the kernel's ESP" 5 $(($(counter a tx_plain) - plain))
equal "packets with ESP that a's card has left to the kernel" 5 $(($(counter a rx_no_sa) - no_sa))
equal "packets that b's card has decrypted" 5 $(($(counter b rx_esp) - rx))
equal "packets that b's card has encrypted" 5 $(($(counter b tx_esp) - tx))
flush

say "slow_install: an SA is there, and carries nothing; outbound, then inbound, where the kernel does the card's work"
fault a "slow_install 1 600000"
pair_up
no_sa=$(counter a tx_no_sa)
on a ping -n -q -c 3 -i 0.05 -W 0.2 192.0.2.2 >"$WORK/ping" || true
equal "packets that a's card had no SA for" 3 $(($(counter a tx_no_sa) - no_sa))
flush
fault b "slow_install 1 600000"
pair_up
no_sa=$(counter b rx_no_sa) esp=$(counter b rx_esp) tx=$(counter b tx_esp)
ping_all a 192.0.2.2 3 0.05
equal "packets that b's card had no SA for" 3 $(($(counter b rx_no_sa) - no_sa))
equal "packets that b's card has decrypted" "$esp" "$(counter b rx_esp)"
equal "answers" $((tx + 3)) "$(counter b tx_esp)"
flush
fault b "slow_install 1 700"
start=$(ms)
pair_up
wait_for 30 "b's card decrypts" decrypts_at_b
at_least "ms that it took" 700 $(($(ms) - start))
flush

say "events: soft at 3 packets, lost, late, told three times"
limited 6 "lose_event 1 1" limit packet-soft 3
equal "soft limits reached" 1 $(($(counter a soft_expired) - soft))
equal "events lost" 1 $(($(counter a events_lost) - lost))
limited_end 0 0
limited 6 "late_event 1 700" limit packet-soft 3
wait_for 30 "a late event" has_told soft 1
at_least "ms until it came" 700 $(($(ms) - start))
limited_end 1 0
limited 6 "repeat_event 1 2" limit packet-soft 3
wait_for 30 "three events" has_told soft 3
limited_end 3 0

say "events: hard at 5 packets, lost, late, told twice; a lost one of the other kind is not there to lose"
limited 7 "lose_event 1 2" limit packet-hard 5
wait_for 30 "the SA is gone" has_states a 1
equal "packets that arrived" 5 $(($(counter b rx_esp) - esp))
equal "hard limits reached" 1 $(($(counter a hard_expired) - hard))
equal "events lost" 1 $(($(counter a events_lost) - lost))
limited_end 0 0
limited 7 "late_event 1 700" limit packet-hard 5
wait_for 30 "a late event" has_told hard 1
at_least "ms until it came" 700 $(($(ms) - start))
equal "packets that arrived" 5 $(($(counter b rx_esp) - esp))
equal "SAs of a after it" 1 "$(states a)"
limited_end 0 1
limited 7 "late_event 1 600000" limit packet-hard 5
equal "packets that arrived" 5 $(($(counter b rx_esp) - esp))
equal "SAs of a before the event" 2 "$(states a)"
limited_end 0 0
limited 7 "repeat_event 1 1" limit packet-hard 5
wait_for 30 "two events" has_told hard 2
equal "packets that arrived" 5 $(($(counter b rx_esp) - esp))
limited_end 0 2
limited 7 "lose_event 1 2" limit packet-soft 3 limit packet-hard 100
wait_for 30 "a soft event" has_told soft 1
equal "strikes that are left" 1 "$(fault_left a lose_event)"
fault a "lose_event 0"
limited_end 1 0

say "counter_lag: dumps stay behind, limits do not"
limited 5 "counter_lag 1 3600000" limit packet-soft 3
equal "packets of the SA in the card" 5 "$(table a | sed -n 's/^sa out .* packets=\([0-9]*\) .*/\1/p')"
equal "packets of the SA in a dump" 0 "$(shown)"
wait_for 30 "a soft event" has_told soft 1
fault a "counter_lag 0"
equal "packets of the SA in a dump without lag" 5 "$(shown)"
fault a "counter_lag 1 300"
ping_all a 192.0.2.2 5 0.01
wait_for 30 "the dump has them all" shown_is 10
fault a "counter_lag 0"
limited_end 1 0

say "link_down: everything offloaded is gone, without a message, and the link comes up again"
pair_up
ip -n a xfrm monitor >"$WORK/monitor" 2>&1 &
monitor=$!
ip -n a monitor link >"$WORK/link" 2>&1 &
link=$!
wait_for 30 "the monitor" grep -qw "$monitor" "/proc/$monitor/net/netlink"
wait_for 30 "the link monitor" grep -qw "$link" "/proc/$link/net/netlink"
fault a "link_down 1 600000"
is_up a && fail "the link is up"
equal "SAs of a" 0 "$(states a)"
equal "offloaded policies of a" 0 "$(offloaded a)"
equal "slots of a" 0 "$(slots_used a)"
equal "SAs of b, whose interface is up" 2 "$(states b)"
ip -n a link set pk0 up
start=$(ms)
fault a "link_down 1 700"
wait_for 30 "the link is up" is_up a
at_least "ms that it took" 700 $(($(ms) - start))
equal "messages about SAs and policies" "" "$(cat "$WORK/monitor")"
grep -q 'state DOWN' "$WORK/link" || fail "no message about the link: $(cat "$WORK/link")"
kill "$monitor" "$link"
neighbours
flush
pair_up
ping_all a 192.0.2.2 5 0.05
flush

say "reset: a table that was full with what was draining is empty"
fault a "delayed_free always 600000"
pair_up
for spi in 0x101 0x102 0x103; do
  sa a out $spi
  sa_delete a $spi
done
equal "slots that are used" 2 "$(slots_used a)"
equal "slots that are draining" 3 "$(draining a)"
refused "the SA table is full" a out 0x104
fault a "reset 1"
equal "SAs of a" 0 "$(states a)"
equal "slots of a" 0 "$(slots_used a)"
equal "slots that are draining after a reset" 0 "$(draining a)"
fault a "delayed_free 0"
wait_for 30 "the link is up" is_up a
neighbours
flush

kernel_quiet
say "good"
