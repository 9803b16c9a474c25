#include "apps/nova/cli/completion.h"

#include <CLI/CLI.hpp>

#include <map>

#include "base/strings.h"

namespace nova::app {
namespace {

/// Words that can follow each command: "" is nova itself, "net create" a command of a noun.
using Words = std::map<std::string, std::vector<std::string>>;

void collect(const CLI::App& app, const std::string& path, Words& words)
{
    auto& here = words[path];
    for (const auto* command : app.get_subcommands([](const CLI::App*) { return true; })) {
        here.push_back(command->get_name());
        collect(*command, path.empty() ? command->get_name() : path + " " + command->get_name(), words);
    }
    for (const auto* option : app.get_options())
        for (const auto& name : option->get_lnames())
            here.push_back("--" + name);
}

std::string cases(const Words& words)
{
    std::string text;
    for (const auto& [path, follow] : words)
        text += "    \"" + path + "\") words=\"" + base::join(follow, " ") + "\" ;;\n";
    return text;
}

std::string bash_script(const Words& words)
{
    return R"BASH(# bash completion for nova; made by `nova completion bash`.
_nova() {
  local current="${COMP_WORDS[COMP_CWORD]}" path="" word words=""
  for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$word" in -*) continue ;; esac
    case " $(_nova_words "$path") " in *" $word "*) path="${path:+$path }$word" ;; esac
  done
  mapfile -t COMPREPLY < <(compgen -W "$(_nova_words "$path") $(_nova_words "" | tr ' ' '\n' | grep '^--')" -- "$current")
}
_nova_words() {
  local words=""
  case "$1" in
)BASH" + cases(words) +
           R"BASH(  esac
  printf '%s' "$words"
}
complete -o default -F _nova nova
)BASH";
}

std::string zsh_script(const Words& words)
{
    return "#compdef nova\n# zsh completion for nova; made by `nova completion zsh`.\nautoload -U +X bashcompinit && "
           "bashcompinit\n" +
           bash_script(words);
}

std::string fish_script(const CLI::App& app)
{
    std::string text = "# fish completion for nova; made by `nova completion fish`.\ncomplete -c nova -f\n";
    auto const quote = [](std::string description) {
        for (auto& character : description)
            if (character == '\'')
                character = ' ';
        return "'" + description + "'";
    };
    for (const auto* command : app.get_subcommands([](const CLI::App*) { return true; })) {
        text += "complete -c nova -n __fish_use_subcommand -a " + command->get_name() + " -d " +
                quote(command->get_description()) + "\n";
        for (const auto* inner : command->get_subcommands([](const CLI::App*) { return true; }))
            text += "complete -c nova -n '__fish_seen_subcommand_from " + command->get_name() + "' -a " + inner->get_name() +
                    " -d " + quote(inner->get_description()) + "\n";
        for (const auto* option : command->get_options())
            for (const auto& name : option->get_lnames())
                text += "complete -c nova -n '__fish_seen_subcommand_from " + command->get_name() + "' -l " + name + " -d " +
                        quote(option->get_description()) + "\n";
    }
    return text;
}

} // namespace

std::string completion_script(const CLI::App& app, const std::string& shell)
{
    Words words;
    collect(app, "", words);
    if (shell == "fish")
        return fish_script(app);
    return shell == "zsh" ? zsh_script(words) : bash_script(words);
}

} // namespace nova::app
