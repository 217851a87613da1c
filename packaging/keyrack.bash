# bash completion for keyrack(1), keyrackd(8) and keyrack-hwsim(8)

_keyrack_names() { # connections and children that the daemon has
  keyrack "${socket[@]}" status --json 2>/dev/null | grep -o '"name": "[^"]*"' | cut -d'"' -f4 | sort -u
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
  esac
  case $verb in
    '') COMPREPLY=($(compgen -W "$(keyrack --help | awk '/^  [a-z]/ { print $1 }') --socket --json --help --version" -- "$cur")) ;;
    up | down | rekey)
      COMPREPLY=($(compgen -W "$(_keyrack_names) --ike-id --child-id --json --socket" -- "$cur"))
      ;;
    top) COMPREPLY=($(compgen -W "--interval --once --socket" -- "$cur")) ;;
    demo | plan | doctor)
      COMPREPLY=($(compgen -W "$(keyrack "$verb" --help 2>/dev/null | grep -o -- '--[a-z-]*' | sort -u)" -- "$cur"))
      ;;
    *) COMPREPLY=($(compgen -W "--json --socket" -- "$cur")) ;;
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
  esac
  COMPREPLY=($(compgen -W "$("$1" --help | grep -o -- '--[a-z-]*' | sort -u)" -- "$cur"))
}

complete -F _keyrack keyrack
complete -F _keyrack_options keyrackd keyrack-hwsim
