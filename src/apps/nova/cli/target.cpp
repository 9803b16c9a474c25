#include "apps/nova/cli/target.h"

#include "base/strings.h"

namespace nova::app {

std::vector<const model::KindInfo*> workload_kinds() { return {model::find_kind("Pod"), model::find_kind("VirtualMachine")}; }

Result<const model::KindInfo*> kind_by_word(const std::string& word)
{
    if (auto const* kind = model::find_kind_by_any_name(word))
        return kind;
    std::vector<std::string> names;
    for (const auto& kind : model::kinds())
        names.push_back(kind.short_names.empty() ? kind.singular : kind.short_names.front());
    return base::Error{base::Code::invalid_argument, "there is no kind \"" + word + "\"; kinds are " + base::join(names, ", ")};
}

Result<Target> find_target(client::Client& client, const std::string& space, const std::vector<std::string>& words)
{
    if (words.size() == 2)
        return Target{TRY(kind_by_word(words[0])), words[1]};
    auto const& name = words.front();
    Target found;
    for (auto const* kind : workload_kinds()) {
        auto const object = client.get({kind->kind, space, name});
        if (base::failed_with(object, base::Code::not_found))
            continue;
        if (!object.ok())
            return object.error();
        if (found.kind != nullptr)
            return base::Error{base::Code::failed_precondition, "both a capsule and a machine are called " + name +
                                                                    ": say 'container " + name + "' or 'vm " + name + "'"};
        found = Target{kind, name};
    }
    if (found.kind == nullptr)
        return base::Error{base::Code::not_found, "no capsule or machine is called " + name + "; 'nova ls' shows what there is"};
    return found;
}

} // namespace nova::app
