# Completion of kioku-mesh for bash (3.2 and later). In ~/.bashrc: eval "$(kioku-mesh completion bash)"
_kioku_mesh() {
  local words=() joined="" cur prefix="" quote="" line value description i
  COMPREPLY=()
  # bash takes --flag=value and a:b apart; what no space separates belongs together.
  for ((i = 1; i <= COMP_CWORD; i++)); do
    if [[ -n $joined || ${COMP_WORDS[i]} == [=:]* ]] && ((${#words[@]} > 0)); then
      words[${#words[@]} - 1]+=${COMP_WORDS[i]}
    else
      words[${#words[@]}]=${COMP_WORDS[i]}
    fi
    joined=""
    [[ ${COMP_WORDS[i]} == *[=:] ]] && joined=1
  done
  cur=${words[${#words[@]} - 1]}
  if [[ $cur == *[=:]* && $cur != [\"\']* ]]; then
    prefix=${cur%"${cur##*[=:]}"}
  elif [[ $cur == [\"\']* ]]; then
    quote=${cur:0:1}
    cur=${cur:1}
  fi
  cur=${cur//\\/}
  words[${#words[@]} - 1]=$cur

  local values=() descriptions=()
  while IFS= read -r line; do
    if [[ $line == :files ]]; then
      compopt -o default 2>/dev/null
      return
    fi
    value=${line%%$'\t'*}
    description=${line#*$'\t'}
    if [[ -n $quote ]]; then
      # Inside of an open quote only what needs no other quoting can stand.
      [[ $value == *[!A-Za-z0-9_.,@%+/\ -]* ]] && continue
    else
      value=${value#"${prefix//\\/}"}
      printf -v value %q "$value"
      value=${value//\\,/,}
    fi
    values[${#values[@]}]=$value
    descriptions[${#descriptions[@]}]=$description
  done < <(command kioku-mesh __complete -- "${words[@]}" 2>/dev/null)

  # When bash lists what there is (the second tab), it may say more than it would insert.
  if [[ ${COMP_TYPE-} == 63 ]] && ((${#values[@]} > 1)); then
    for ((i = 0; i < ${#values[@]}; i++)); do
      [[ -n ${descriptions[i]} ]] && values[i]+="  (${descriptions[i]})"
    done
  fi
  ((${#values[@]} > 0)) && COMPREPLY=("${values[@]}")
}
complete -F _kioku_mesh kioku-mesh
