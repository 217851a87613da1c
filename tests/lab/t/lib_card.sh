# lib.sh, and what card.sh is told in: both families, SAs and policies of both hosts at once, and counters that are
# compared with what they have to be.
# shellcheck shell=bash disable=SC2034,SC2046,SC2086,SC2207
. "$LAB_HERE/t/lib.sh"

KEY=0x000102030405060708090a0b0c0d0e0faabbccdd
declare -A PEER=([a]=b [b]=a)
declare -A OUTER4=([a]=192.0.2.1 [b]=192.0.2.2) OUTER6=([a]=2001:db8::1 [b]=2001:db8::2)
declare -A INNER4=([a]=10.0.0.1 [b]=10.0.0.2) INNER6=([a]=fd00::1 [b]=fd00::2)
declare -A SPI_IN=([a]=0x200 [b]=0x100)
EDGE=$((0xfffffff8)) # the last 8 numbers below 2^32

SOFTWARE=''        # the hosts, if any, whose SAs and policies are the kernel's own
SA='' IN='' OUT='' # settings of all SAs, and of those of one direction
helpers=()         # processes in the background

inside() { # HOST COMMAND...: in its network alone, which is quicker than `on`
  local host=$1
  shift
  nsenter --net="/run/netns/$host" "$@"
}

# ---- SAs and policies: lines for ip -batch; few processes, which are slow in the guest ----

offload() { # HOST packet|crypto [dir in|out]: sets REPLY
  REPLY=''
  [[ " $SOFTWARE " = *" $1 "* ]] || REPLY="offload $2 dev ${DEVICE[$1]} ${3:-}"
}

sa_line() { # HOST packet|crypto in|out FROM TO SPI MODE
  local window=64 more=$IN
  [ "$3" = in ] || window=0 more=$OUT
  case " $SA $more " in *" replay-window "*) window= ;; esac
  offload "$1" "$2" "dir $3"
  echo "xfrm state add src $4 dst $5 proto esp spi $6 reqid 7 mode $7 dir $3 ${window:+replay-window $window}" \
    "aead rfc4106(gcm(aes)) $KEY 128 $SA $more $REPLY"
}

policy_line() { # HOST packet|crypto in|out FROM TO TEMPLATE-FROM TEMPLATE-TO MODE
  offload "$1" packet
  [ "$2" = packet ] || REPLY='' # with crypto offload the policies are the kernel's
  echo "xfrm policy add src $4 dst $5 dir $3 priority 10 $REPLY tmpl src $6 dst $7 proto esp reqid 7 mode $8"
}

# SAs and policies of both hosts, for `up`. What is in crypto offload comes first: where all states are in packet offload,
# Linux 7.3 puts another one before them, and then does not look at them (xfrm_state.c, XFRM_STATE_INSERT).
# SPIs: 0x104, 0x106 (IPv6), 0x114, 0x116 (tunnel mode) to b, 0x2xx to a.
plan() { # packet|crypto transport|tunnel VERSION [VERSION-INSIDE]
  local -n outer=OUTER$3 inner=OUTER$3
  local h p spi=$3
  if [ "$2" = tunnel ]; then
    local -n inner=INNER${4:-$3}
    spi=$(($3 + 16))
  fi
  for h in a b; do
    p=${PEER[$h]}
    {
      sa_line "$h" "$1" in "${outer[$p]}" "${outer[$h]}" $((SPI_IN[$h] + spi)) "$2"
      sa_line "$h" "$1" out "${outer[$h]}" "${outer[$p]}" $((SPI_IN[$p] + spi)) "$2"
      policy_line "$h" "$1" out "${inner[$h]}" "${inner[$p]}" "${outer[$h]}" "${outer[$p]}" "$2"
      policy_line "$h" "$1" in "${inner[$p]}" "${inner[$h]}" "${outer[$p]}" "${outer[$h]}" "$2"
    } >>"$WORK/$h.plan"
  done
}

up() {
  local h
  for h in a b; do
    ip -n "$h" -batch "$WORK/$h.plan"
    : >"$WORK/$h.plan"
  done
  mark
}

down() {
  local h in out
  for h in a b; do
    ip -n "$h" -batch - <<<$'xfrm policy flush\nxfrm state flush'
    read -r _ in _ out _ <"$DEBUGFS/${DEVICE[$h]}/ipsec"
    equal "slots of $h after a flush" "0 0" "${in%/*} ${out%/*}"
  done
}

# ---- counts ----

counters() { # HOST: the card's, and the kernel's errors
  inside "$1" sh -c "ethtool -S ${DEVICE[$1]} && exec cat /proc/net/xfrm_stat"
}

mark() {
  local h
  for h in a b; do
    counters "$h" >"$WORK/$h.counters"
  done
}

# In clear there may be IPv6's own packets at any time; everything else has to be as said, and 0 where nothing is said.
grown() { # HOST [COUNTER=PACKETS]...: since mark
  local h=$1 out
  shift
  out=$(counters "$h" | awk -v said=" $* " '
    { sub(":", "", $1) }
    NR == FNR { before[$1] = $2; next }
    $1 ~ /_packets|plain|tx_other|^sa_|NIC/ { next }
    {
      wanted = match(said, " " $1 "=[0-9]+ ") ? substr(said, RSTART + length($1) + 2, RLENGTH - length($1) - 3) : 0
      if ($2 - before[$1] != wanted)
        print $1, $2 - before[$1], "instead of", wanted
    }' "$WORK/$h.counters" -)
  [ -z "$out" ] || fail "$h: $out"
}

counted() { # HOST COUNTER N: since mark
  counters "$1" | awk -v name="$2" -v wanted="$3" '$1 == name || $1 == name ":" { grown += NR == FNR ? -$2 : $2 }
    END { exit grown != wanted }' "$WORK/$1.counters" -
}

sa_field() { # HOST in|out FIELD: of each of the card's SAs, by SPI
  awk -v dir="$2" -v field="$3" '
    $1 == "sa" && $2 == dir {
      for (i = 3; i <= NF; i++) {
        split($i, part, "=")
        value[part[1]] = part[2]
      }
      for (n = ++count; n > 1 && spi[n - 1] > value["spi"]; n--) {
        spi[n] = spi[n - 1]
        of[n] = of[n - 1]
      }
      spi[n] = value["spi"]
      of[n] = value[field]
    }
    END {
      for (n = 1; n <= count; n++)
        printf "%s%s", (n > 1 ? " " : ""), of[n]
    }' "$DEBUGFS/${DEVICE[$1]}/ipsec"
}

# shellcheck disable=SC2016 # the variables are awk's
answers() { # echo replies that a's host has got: a busy machine's may come when ping has gone
  inside a awk '
    $1 == "Icmp6InEchoReplies" { sum += $2 }
    $1 == "Icmp:" && column { sum += $column }
    $1 == "Icmp:" { for (i = 2; i <= NF; i++) if ($i == "InEchoReps") column = i }
    END { print sum }' /proc/net/snmp /proc/net/snmp6
}

answered() { # BEFORE PACKETS
  [ $(($(answers) - $1)) = "$2" ]
}

ping_some() { # PACKETS ADDRESS...: N packets to each of b's addresses, and N answers
  local n=$1 address before pids=()
  shift
  before=$(answers)
  for address; do
    inside a ping -n -q -c "$n" -i 0.01 -W 10 "$address" >"$WORK/ping" 2>&1 &
    pids+=($!)
  done
  wait "${pids[@]}" || true
  wait_for 20 "$n answers from each of $*" answered "$before" $((n * $#))
}

tcp() { # ADDRESS-OF-B OCTETS: one way
  local listener
  head -c "$2" /dev/urandom >"$WORK/sent"
  on b busybox nc -l -p 5001 < <(sleep 60) >"$WORK/received" &
  listener=$!
  wait_for 10 "a listener" on b grep -q ':1389 .* 0A ' /proc/net/tcp6
  on a bash -c "cat $WORK/sent >/dev/tcp/$1/5001"
  wait "$listener" || fail "the listener"
  cmp "$WORK/sent" "$WORK/received" || fail "what came is not what was sent"
}

frames() { # HOST: lines of stdin, see card.py
  inside "$1" python3 -S "$LAB_HERE/card.py" frames "${DEVICE[$1]}" "${MAC[${PEER[$1]}]}"
}

# ---- the hosts ----

declare -A MAC

net_up() { # the addresses of both families, and no neighbour that has to be found
  local h p
  modprobe -a esp6 esp6_offload
  for h in a b; do
    MAC[$h]=$(on "$h" cat "/sys/class/net/${DEVICE[$h]}/address")
  done
  for h in a b; do
    p=${PEER[$h]}
    # a fragment that waits for the others keeps its SA's slot: not for long
    on "$h" sh -c "cd /proc/sys/net && echo 1 >ipv4/ipfrag_time && echo 1 >ipv6/ip6frag_time &&
      cd ipv6/conf/${DEVICE[$h]} && echo 1 >addr_gen_mode && echo 0 >disable_ipv6"
    ip -n "$h" -batch - <<BATCH
addr add ${OUTER6[$h]}/64 dev ${DEVICE[$h]} nodad
addr add ${INNER4[$h]}/32 dev lo
addr add ${INNER6[$h]}/128 dev lo nodad
route add ${INNER4[$p]} dev ${DEVICE[$h]} src ${INNER4[$h]}
route add ${INNER6[$p]} dev ${DEVICE[$h]} src ${INNER6[$h]}
neigh replace ${OUTER6[$p]} lladdr ${MAC[$p]} dev ${DEVICE[$h]} nud permanent
neigh replace ${INNER4[$p]} lladdr ${MAC[$p]} dev ${DEVICE[$h]} nud permanent
neigh replace ${INNER6[$p]} lladdr ${MAC[$p]} dev ${DEVICE[$h]} nud permanent
BATCH
  done
}
