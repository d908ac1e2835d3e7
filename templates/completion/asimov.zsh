#compdef asimov
# Completes words of asimov in zsh; printed by 'asimov completion zsh'.
_asimov() {
    local -a found
    found=("${(@f)$(asimov --complete "${(@)words[2,CURRENT]}" 2>/dev/null)}")
    if [[ $found[1] == :files ]]; then
        _files
        return
    fi
    local -a whole=(${found:#*/}) part=(${(M)found:#*/})
    (( $#whole )) && compadd -- $whole
    (( $#part )) && compadd -S '' -- $part
}
(( $+functions[compdef] )) || { autoload -Uz compinit && compinit }
compdef _asimov asimov
