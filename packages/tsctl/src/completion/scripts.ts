// The shells' completion scripts: each asks `tsctl __complete WORDS...`, the last word being the one under way.

const bash = `# bash completion for tsctl: source <(tsctl completion bash)
_tsctl() {
  local candidates
  candidates=$(tsctl __complete "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null | cut -f1)
  if [ -z "$candidates" ]; then
    compopt -o default 2>/dev/null
    COMPREPLY=()
    return
  fi
  mapfile -t COMPREPLY < <(compgen -W "$candidates" -- "\${COMP_WORDS[COMP_CWORD]}")
  # bash splits words at colons: give back only what follows the last one
  if declare -F __ltrim_colon_completions >/dev/null; then
    __ltrim_colon_completions "\${COMP_WORDS[COMP_CWORD]}"
  fi
}
complete -F _tsctl tsctl
`;

const zsh = `#compdef tsctl
# zsh completion for tsctl: tsctl completion zsh > "\${fpath[1]}/_tsctl"
_tsctl() {
  local -a candidates
  local line
  while IFS=$'\\t' read -r name about; do
    [ -n "$name" ] && candidates+=("\${name//:/\\\\:}\${about:+:$about}")
  done < <(tsctl __complete "\${(@)words[2,CURRENT]}" 2>/dev/null)
  if (( \${#candidates} )); then
    _describe 'tsctl' candidates
  else
    _files
  fi
}
if [ "$funcstack[1]" = "_tsctl" ]; then
  _tsctl "$@"
else
  compdef _tsctl tsctl
fi
`;

const fish = `# fish completion for tsctl: tsctl completion fish | source
function __tsctl_complete
  set -l words (commandline -opc) (commandline -ct)
  tsctl __complete $words[2..-1] 2>/dev/null
end
complete -c tsctl -f -a '(__tsctl_complete)'
`;

export const completionScripts: Readonly<Record<string, string>> = { bash, zsh, fish };
