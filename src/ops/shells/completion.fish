# Completion of kioku-mesh for fish. In config.fish: kioku-mesh completion fish | source
function __kioku_mesh_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    # What is typed, without its quotes, of which the last may still be open.
    set -l typed $current
    for quote in '' \' '"'
        set -l plain (string unescape -- $current$quote 2>/dev/null)
        and set typed $plain
        and break
    end
    set -l lines (command kioku-mesh __complete -- $words[2..-1] "$typed" 2>/dev/null)
    if test "$lines[1]" = :files
        __fish_complete_path (string replace -r -- '^--[a-z-]+=' '' "$typed")
        return
    end
    string join \n -- $lines
end
complete -c kioku-mesh -f -k -a '(__kioku_mesh_complete)'
