#include "apps/nova/cli/target.h"

#include "apps/nova/cli/error_words.h"
#include "base/strings.h"

namespace nova::app {

std::vector<const model::KindInfo*> workload_kinds() { return {model::find_kind("Pod"), model::find_kind("VirtualMachine")}; }

Result<const model::KindInfo*> kind_by_word(const std::string& word)
{
    if (auto const* kind = model::find_kind_by_any_name(word))
        return kind;
    std::vector<std::string> names;
    for (const auto& kind : model::kinds())
        names.push_back(word_for(kind) + "s");
    return base::Error{base::Code::invalid_argument, "there is no kind \"" + word + "\"; kinds are " + base::join(names, ", ")};
}

namespace {

/// The capsule or machine of this name. Errors: as find_target().
Result<Target> find_by_name(client::Client& client, const std::string& space, const std::string& name)
{
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
    if (found.kind == nullptr && model::find_kind_by_any_name(name) != nullptr)
        return base::Error{base::Code::invalid_argument, "which " + name + "? Say its name too: " + name + " NAME"};
    if (found.kind == nullptr)
        return base::Error{base::Code::not_found, "no capsule or machine is called " + name + "; 'nova ls' shows what there is"};
    return found;
}

/// Whether a workload of this kind and name is there.
Result<bool> is_there(client::Client& client, const model::Key& key)
{
    auto const object = client.get(key);
    if (base::failed_with(object, base::Code::not_found))
        return false;
    return object.ok() ? Result<bool>{true} : Result<bool>{object.error()};
}

} // namespace

Result<Target> find_target(client::Client& client, const std::string& space, const std::vector<std::string>& words)
{
    if (words.size() == 2) {
        auto const kind = kind_by_word(words[0]);
        if (!kind.ok())
            return base::Error{base::Code::invalid_argument, kind.error().message() + "; this command takes one name"};
        return Target{kind.value(), words[1]};
    }
    return find_by_name(client, space, words.front());
}

Result<std::vector<Target>> find_targets(client::Client& client, const std::string& space, const std::vector<std::string>& words)
{
    auto const* const kind = words.size() > 1 ? model::find_kind_by_any_name(words.front()) : nullptr;
    std::vector<Target> targets;
    for (std::size_t i = kind == nullptr ? 0 : 1; i < words.size(); ++i)
        targets.push_back(kind == nullptr ? TRY(find_by_name(client, space, words[i])) : Target{kind, words[i]});
    return targets;
}

Result<Target> find_terminal(client::Client& client, const std::string& space, const std::vector<std::string>& words,
                             const std::string& wanted)
{
    bool const for_machine = wanted == "VirtualMachine";
    std::string const other = for_machine ? "Pod" : "VirtualMachine";
    const auto& name = words.back();
    auto const* const asked = words.size() == 2 ? TRY(kind_by_word(words[0])) : nullptr;
    if ((asked == nullptr || asked->kind == wanted) && TRY(is_there(client, {wanted, space, name})))
        return Target{model::find_kind(wanted), name};
    if ((asked == nullptr || asked->kind == other) && TRY(is_there(client, {other, space, name})))
        return base::Error{base::Code::failed_precondition,
                           name + (for_machine ? " is a capsule: 'nova attach " : " is a machine: 'nova console ") + name +
                               "' reaches it"};
    return base::Error{base::Code::not_found, "no " + std::string{for_machine ? "machine" : "capsule"} + " is called " + name +
                                                  "; 'nova ls' shows what there is"};
}

} // namespace nova::app
