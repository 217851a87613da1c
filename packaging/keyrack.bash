# bash completion for keyrack(1), keyrackd(8) and keyrack-hwsim(8)

_keyrack_names() { # connections and children that the daemon has
  keyrack "${socket[@]}" status --json 2>/dev/null | grep -o '"name": "[^"]*"' | cut -d'"' -f4 | sort -u
}

_keyrack_help() { # PROGRAM [VERB]: the options that its --help names
  { "$@" --help 2>/dev/null; echo --help; } | grep -oE -- '--[a-z]+(-[a-z]+)*' | sort -u
}

_keyrack_profiles() {
  keyrack-hwsim --help 2>/dev/null | sed -n 's/^profiles: //p'
}

_keyrack() {
  local cur prev words cword verb= i socket=()
  _init_completion || return
  for ((i = 1; i < cword; i++)); do
    case ${words[i]} in
      --socket) socket=(--socket "${words[++i]}") ;;
      -*) ;;
      *)
        [ -n "$verb" ] || verb=${words[i]}
        ;;
    esac
  done
  case $prev in
    --socket)
      _filedir
      return
      ;;
    --config)
      _filedir conf
      return
      ;;
    --profile)
      COMPREPLY=($(compgen -W "$(_keyrack_profiles)" -- "$cur"))
      return
      ;;
    --ike | --child)
      COMPREPLY=($(compgen -W "$(_keyrack_names)" -- "$cur"))
      return
      ;;
    --*-id | --interval) return ;;
  esac
  case $verb in
    '') COMPREPLY=($(compgen -W "$(keyrack --help | awk '/^  [a-z]/ { print $1 }') --socket --json --help --version" -- "$cur")) ;;
    up | down | rekey) COMPREPLY=($(compgen -W "$(_keyrack_names) $(_keyrack_help keyrack "$verb")" -- "$cur")) ;;
    doctor) COMPREPLY=($(compgen -W "$(ls /sys/class/net 2>/dev/null) $(_keyrack_help keyrack doctor)" -- "$cur")) ;;
    *) COMPREPLY=($(compgen -W "$(_keyrack_help keyrack "$verb")" -- "$cur")) ;;
  esac
}

_keyrack_options() { # for programs that only take options: those that --help names
  local cur prev words cword
  _init_completion || return
  case $prev in
    --config | --netlink | --control | --dump-keys)
      _filedir
      return
      ;;
    --log-level)
      COMPREPLY=($(compgen -W "error warning notice info debug" -- "$cur"))
      return
      ;;
    --profile)
      COMPREPLY=($(compgen -W "$(_keyrack_profiles)" -- "$cur"))
      return
      ;;
  esac
  COMPREPLY=($(compgen -W "$(_keyrack_help "$1")" -- "$cur"))
}

complete -F _keyrack keyrack
complete -F _keyrack_options keyrackd keyrack-hwsim
