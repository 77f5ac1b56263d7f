#compdef kioku-mesh
# Completion of kioku-mesh for zsh. In ~/.zshrc, behind compinit: eval "$(kioku-mesh completion zsh)"
# or as the file _kioku-mesh in a directory of $fpath.
_kioku_mesh() {
  local -a lines described
  local line value prefix
  lines=("${(@f)$(command kioku-mesh __complete -- "${(@Q)words[2,CURRENT-1]}" "${(Q)PREFIX}" 2>/dev/null)}")
  if [[ $lines[1] == :files ]]; then
    [[ $PREFIX == --*=* ]] && compset -P 1 '*='
    _files
    return
  fi
  if [[ $PREFIX == --*=* ]]; then
    prefix=${(Q)PREFIX%%=*}=
    compset -P 1 '*='
  fi
  for line in $lines; do
    value=${${line%%$'\t'*}#$prefix}
    described+=("${${value//\\/\\\\}//:/\\:}:${line#*$'\t'}")
  done
  (( $#described )) && _describe -V kioku-mesh described
}
if [[ $funcstack[1] == _kioku-mesh ]]; then
  _kioku_mesh "$@"
else
  compdef _kioku_mesh kioku-mesh
fi
