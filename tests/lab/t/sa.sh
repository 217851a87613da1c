# lib.sh, and SAs by hand between the two hosts: transport mode, offloaded, reqid 7.
# shellcheck shell=bash
. "$LAB_HERE/t/lib.sh"

KEY=0x000102030405060708090a0b0c0d0e0faabbccdd

sa() { # HOST in|out SPI [SETTING...]: between the two hosts, offloaded
  local h=$1 dir=$2 spi=$3 peer=b src dst window=0
  shift 3
  [ "$h" = b ] && peer=a
  src=${ADDRESS[$h]} dst=${ADDRESS[$peer]}
  [ "$dir" = out ] || src=$dst dst=${ADDRESS[$h]} window=64
  ip -n "$h" xfrm state add src "$src" dst "$dst" proto esp spi "$spi" reqid 7 mode transport dir "$dir" \
    replay-window "$window" aead 'rfc4106(gcm(aes))' "$KEY" 128 "$@" offload packet dev "${DEVICE[$h]}" dir "$dir"
}

sa_delete() { # HOST SPI, outbound
  local peer=b
  [ "$1" = b ] && peer=a
  ip -n "$1" xfrm state delete src "${ADDRESS[$1]}" dst "${ADDRESS[$peer]}" proto esp spi "$2"
}

policies() { # HOST
  local h=$1 peer=b
  [ "$h" = b ] && peer=a
  ip -n "$h" xfrm policy add src "${ADDRESS[$h]}" dst "${ADDRESS[$peer]}" dir out priority 10 \
    offload packet dev "${DEVICE[$h]}" tmpl proto esp reqid 7 mode transport
  ip -n "$h" xfrm policy add src "${ADDRESS[$peer]}" dst "${ADDRESS[$h]}" dir in priority 10 \
    offload packet dev "${DEVICE[$h]}" tmpl proto esp reqid 7 mode transport
}

pair_up() { # [SETTING...]: SAs in both directions and policies on both hosts; the settings are a's outbound SA's
  sa b in 0x100
  sa a out 0x100 "$@"
  sa a in 0x200
  sa b out 0x200
  policies a
  policies b
}

refused() { # WORDS HOST in|out SPI: an SA that is refused, and with what words
  local words=$1 text
  shift
  text=$(sa "$@" 2>&1) && fail "an SA was not refused: $*"
  grep -qF "$words" <<<"$text" || fail "refused with \"$text\" instead of \"$words\""
}

is_up() { # HOST
  ip -n "$1" link show "${DEVICE[$1]}" | has '[<,]UP[,>]'
}
