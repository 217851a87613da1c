# One Child SA per CPU (RFC 9611) on four CPUs with four queues. On demand: only CPUs that send get one. All at once,
# brought up by the first packet: traffic pinned to each CPU uses that CPU's SA and its queues in both directions, by
# exact counters; and a CPU goes, with its SA, and comes back.
# shellcheck shell=bash
. "$LAB_HERE/t/lib.sh"

CPUS=4
PINGS=20 # per CPU

child_conf() { # START-ACTION PER-CPU-START
  cat <<CONF
net {
        mode = transport
        esp_proposals = aes128gcm16-esn
        hw_offload = packet
        per_cpu_sas = yes
        per_cpu_start = $2
        start_action = $1
      }
CONF
}

# ---- what keyrack and the card say ----

queues() { # HOST: "queue spi-in spi-out" of each of keyrack's queues
  keyrack "$1" queues | awk '$1 == "lab" { print $3, $5, $6 }'
}

queue_field() { # HOST FIELD-KNOWN VALUE FIELD-WANTED: of what queues has said once all were up
  awk -v known="$2" -v value="$3" -v wanted="$4" '$known == value { print $wanted }' "$WORK/$1.queues"
}

has_queues() { # HOST NUMBER: so many Child SAs, all in the card in both directions
  [ "$(queues "$1" | grep -c .)" = "$2" ] && [ "$(slots_used "$1")" = $((2 * $2)) ]
}

both_have_queues() { # NUMBER
  has_queues a "$1" && has_queues b "$1"
}

note_queues() { # for queue_field
  local h
  for h in a b; do
    queues "$h" >"$WORK/$h.queues"
  done
}

snapshot() { # "host dir spi packets" of every SA, and "host rx queue packets"
  local h
  for h in a b; do
    table "$h" | sed -n 's/^sa \([a-z]*\) .*spi=0x\([0-9a-f]*\) .* packets=\([0-9]*\) .*/'"$h"' \1 \2 \3/p'
    on "$h" ethtool -S "${DEVICE[$h]}" | sed -n "s/^ *rx\\([0-9]*\\)_packets: /$h rx \\1 /p"
  done
}

growth() { # HOST in|out|rx SPI-OR-QUEUE: between the snapshots before and after
  local key="$1 $2 $3" before after
  before=$(sed -n "s/^$key //p" "$WORK/before")
  after=$(sed -n "s/^$key //p" "$WORK/after")
  echo $((after - before))
}

others_grown() { # HOST in|out SPI: SAs other than that one that have carried anything
  join <(awk '{ print $1 "-" $2 "-" $3, $4 }' "$WORK/before" | sort) \
    <(awk '{ print $1 "-" $2 "-" $3, $4 }' "$WORK/after" | sort) |
    awk -v own="$1-$2-$3" -v prefix="$1-$2-" 'index($1, prefix) == 1 && $1 != own && $2 != $3' | grep -c . || true
}

# ---- the parts ----

trapped() {
  ip -n a xfrm policy | has 'dir out'
}

# Its inbound SAs come to the queues that keyrack has chosen: by their SPIs' hash, or by flow rules.
steered() { # HOST
  local ways
  ways=$(keyrack "$1" queues --json | sed -n 's/^ *"steered_in": "\([a-z]*\)".*/\1/p' | sort -u | tr '\n' ' ')
  case $ways in
  "hash " | "assumed " | "rule ") say "inbound SAs of $1 are steered by: $ways" ;;
  *) fail "inbound SAs of $1 are steered by: $ways" ;;
  esac
}

pinned() { # CPU: pings from a that must come and go on that CPU's SA, and on no other
  local cpu=$1 out in peer_cpu
  out=$(queue_field a 1 "$cpu" 3)
  in=$(queue_field a 1 "$cpu" 2)
  peer_cpu=$(queue_field b 2 "$out" 1)
  snapshot >"$WORK/before"
  taskset -c "$cpu" ip netns exec a ping -n -q -c "$PINGS" -i 0.02 -W 10 192.0.2.2 >"$WORK/ping"
  grep -q ", 0% packet loss" "$WORK/ping" || fail "CPU $cpu: $(cat "$WORK/ping")"
  snapshot >"$WORK/after"
  printf '%3s  %s %8s  %s %8s  %13s  %13s\n' "$cpu" "$out" "$(growth a out "$out")" "$in" "$(growth a in "$in")" \
    "$cpu: $(growth a rx "$cpu")" "$peer_cpu: $(growth b rx "$peer_cpu")"
  equal "packets on a's outbound SA of CPU $cpu" "$PINGS" "$(growth a out "$out")"
  equal "the same packets at b" "$PINGS" "$(growth b in "$out")"
  equal "answers on a's inbound SA of CPU $cpu" "$PINGS" "$(growth a in "$in")"
  equal "the same answers at b, whose CPU $peer_cpu it is" "$PINGS" "$(growth b out "$in")"
  equal "other outbound SAs that a used" 0 "$(others_grown a out "$out")"
  equal "other inbound SAs that a used" 0 "$(others_grown a in "$in")"
  equal "packets in a's receive queue $cpu" "$PINGS" "$(growth a rx "$cpu")"
  equal "packets in b's receive queue $peer_cpu" "$PINGS" "$(growth b rx "$peer_cpu")"
}

all_pinned() { # CPU...
  local cpu
  note_queues
  printf 'CPU  SPI out   packets  SPI in    packets  a queue: pkts  b queue: pkts\n'
  for cpu; do
    pinned "$cpu"
  done
}

ping_on() { # CPU: one packet, which may be lost
  taskset -c "$1" ip netns exec a ping -q -c 1 -W 1 192.0.2.2 >/dev/null || true
}

has_own() { # HOST CPU
  queues "$1" | has "^$2 "
}

sends() { # CPU: until it has an SA of its own
  ping_on "$1"
  has_own a "$1"
}

without_cpu() { # CPU: it goes, and its SA, and the others carry on
  echo 0 >"/sys/devices/system/cpu/cpu$1/online"
  wait_for 60 "CPU $1's SA gone" both_have_queues "$CPUS"
  equal "SAs of a CPU that is not there" "" "$(queues a | grep "^$1 " || true)"
  ping_all a 192.0.2.2 50 0.02
}

with_cpu() { # CPU: it comes back, and gets an SA
  echo 1 >"/sys/devices/system/cpu/cpu$1/online"
  wait_for 90 "an SA for CPU $1 again" both_have_queues $((CPUS + 1))
}

daemons_start() { # START-ACTION-OF-A PER-CPU-START
  daemon_conf a "$(child_conf "$1" "$2")"
  daemon_conf b "$(child_conf none "$2")"
  daemon_start a
  daemon_start b
  wait_for 10 "the trap policy" trapped
  equal "slots of a before the first packet" 0 "$(slots_used a)"
}

daemons_stop() {
  local h
  for h in a b; do
    daemon_stop "$h"
  done
  for h in a b; do
    equal "slots of $h after SIGTERM" 0 "$(slots_used "$h")"
  done
}

equal "CPUs of the guest" "$CPUS" "$(nproc)"
hosts_up slots=32 queues=$CPUS

say "on demand: nothing until the first packet, and then what CPUs ask for"
larval_drop a 1 # a packet that waits is sent by a timer, on any CPU, and that one asks for an SA, too
daemons_start trap demand
wait_for 30 "an SA for CPU 2" sends 2
wait_for 30 "two Child SAs on both" both_have_queues 2
equal "queues of a with an SA" "any 2" "$(queues a | awk '{ print $1 }' | xargs)"
all_pinned 2
wait_for 30 "an SA for CPU 0" sends 0
wait_for 30 "three Child SAs on both" both_have_queues 3
equal "queues of a with an SA" "any 0 2" "$(queues a | awk '{ print $1 }' | xargs)"
all_pinned 0 2
keyrack a queues
daemons_stop
larval_drop a 0

say "all at once, by the first packet"
daemons_start trap all
on a ping -q -c 1 -W 1 192.0.2.2 >/dev/null || true
wait_for 60 "a Child SA of each CPU, and one of any" both_have_queues $((CPUS + 1))
keyrack a queues
steered a
steered b
say "$PINGS pings pinned to each CPU"
all_pinned 0 1 2 3
say "CPU 3 goes"
without_cpu 3
all_pinned 0 1 2
say "CPU 3 is back"
with_cpu 3
all_pinned 0 1 2 3

say "SIGTERM"
daemons_stop
kernel_quiet
say "good"
