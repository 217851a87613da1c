#!/bin/bash
# Bash completion and the man pages know what the programs take: every verb and every option that --help names is
# offered and described, and nothing else is. Usage: completion.sh SOURCE-DIRECTORY PROGRAM-DIRECTORY
set -euo pipefail
SOURCE=$1
export PATH=$2:$PATH KEYRACK_SOCKET=/nonexistent/keyrackd.vici

fail() {
  echo "completion: $*" >&2
  exit 1
}

# what bash-completion brings along
_init_completion() {
  words=("${COMP_WORDS[@]}") cword=$COMP_CWORD
  cur=${words[cword]} prev=${words[cword - 1]}
}
_filedir() { COMPREPLY=(a-file); }

# shellcheck source=packaging/keyrack.bash
. "$SOURCE/packaging/keyrack.bash"

offered() { # WORD...: what is offered in place of the last one, a line each
  local function
  COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMPREPLY=()
  function=$(complete -p "$1" | sed 's/.*-F \([^ ]*\).*/\1/')
  # completion is not written for -e and -u
  set +eu
  "$function" "$1"
  set -eu
  printf '%s\n' "${COMPREPLY[@]}" | sort -u
}

options() { # of a text
  grep -oE -- '--[a-z]+(-[a-z]+)*' | sort -u
}

same() { # WHAT HAVE WANTED
  [ "$2" = "$3" ] || fail "$1: $(diff <(echo "$3") <(echo "$2"))"
}

man() { # PAGE: its text; \_ and \- are markdown's
  sed 's/\\\([-_]\)/\1/g' "$SOURCE/docs/man/$1.md"
}

# ---- keyrack ----

verbs=$(keyrack --help | awk '/^  [a-z]/ { print $1 }' | sort)
[ "$(wc -w <<<"$verbs")" -ge 10 ] || fail "keyrack --help names these verbs: $verbs"
same "verbs" "$(offered keyrack '' | grep -v '^--')" "$verbs"
same "verbs in keyrack(1)" "$(man keyrack.1 | sed -n '/^# VERBS/,/^# O/s/^\*\*\([a-z]*\)\*\*.*/\1/p' | sort)" "$verbs"
same "keyrack --" "$(offered keyrack --)" "$({ keyrack --help | awk '/^  --/ { print $1 }'; echo --help; echo --version; } | sort)"
for verb in $verbs; do
  wanted=$({ keyrack "$verb" --help; echo --help; } | options)
  same "keyrack $verb --" "$(offered keyrack "$verb" --)" "$wanted"
  for option in --json --socket; do # every verb takes them, but the demo and its own controllers
    [ "$verb $option" = "demo --socket" ] || grep -qxe "$option" <<<"$wanted" || fail "keyrack $verb --help is silent about $option"
  done
done
for option in $(man keyrack.1 | options); do
  for verb in '' $verbs; do
    # shellcheck disable=SC2086 # no verb is no word
    keyrack $verb --help | options | grep -qxe "$option" && continue 2
  done
  [ "$option" = --help ] || fail "keyrack(1) knows of $option, and --help does not"
done
same "keyrack --socket" "$(offered keyrack --socket '')" a-file
same "keyrack up --socket X" "$(offered keyrack up --socket X --chi)" ""
same "keyrack --socket X down" "$(offered keyrack --socket X down --chi)" "$(printf '%s\n' --child --child-id)"
grep -qx lo <<<"$(offered keyrack doctor l)" || fail "keyrack doctor l does not become lo"

# ---- keyrackd, keyrack-hwsim ----

for program in keyrackd keyrack-hwsim; do
  wanted=$($program --help | options)
  same "$program --" "$(offered $program --)" "$wanted"
  same "$program(8)" "$(man $program.8 | sed -n '/^# OPTIONS/,/^# [^O]/p' | grep '^\*\*--' | options)" "$wanted"
done
same "keyrackd --config" "$(offered keyrackd --config '')" a-file
same "keyrackd --log-level" "$(offered keyrackd --log-level w)" warning
same "keyrack-hwsim --profile" "$(offered keyrack-hwsim --profile tiny)" tiny-33
echo "completion: $(wc -w <<<"$verbs") verbs"
