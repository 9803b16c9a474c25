#include "apps/nova/cli/error_words.h"

namespace nova::app {
namespace {

std::string command_that_lists(const model::KindInfo& kind)
{
    if (kind.kind == "Pod" || kind.kind == "VirtualMachine")
        return "nova ls";
    return "nova ls " + kind.plural;
}

} // namespace

std::string word_for(const model::KindInfo& kind)
{
    if (kind.kind == "Pod")
        return "container";
    return kind.kind == "VirtualMachine" ? "vm" : kind.singular;
}

std::string words_of(const base::Error& error)
{
    bool const exists = error.code() == base::Code::already_exists;
    const auto& message = error.message();
    std::string_view const end = exists ? "\" already exists" : "\" not found";
    if ((!exists && error.code() != base::Code::not_found) || !message.ends_with(end))
        return message;
    for (const auto& kind : model::kinds()) {
        auto const begin = kind.plural + " \"";
        if (!message.starts_with(begin))
            continue;
        auto const name = message.substr(begin.size(), message.size() - begin.size() - end.size());
        auto const word = word_for(kind);
        if (exists)
            return word + " \"" + name + "\" is there already; 'nova rm " + word + " " + name + "' removes it";
        return "there is no " + word + " \"" + name + "\"; '" + command_that_lists(kind) + "' shows what there is";
    }
    return message;
}

} // namespace nova::app
