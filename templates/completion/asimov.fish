# Completes words of asimov in fish; printed by 'asimov completion fish'.
function __asimov_complete
    set -l words (commandline -opc)
    set -l last (commandline -ct)
    set -q last[1]; or set last ''
    set -l found (asimov --complete $words[2..-1] "$last" 2>/dev/null)
    if test "$found[1]" = ':files'
        __fish_complete_path "$last"
    else
        printf '%s\n' $found
    end
end
complete -c asimov -f -a '(__asimov_complete)'
