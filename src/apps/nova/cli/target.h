#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "client/client.h"
#include "model/registry.h"

namespace nova::app {

using base::Result;

/// "vm probe" or "probe": which object a person means.
struct Target {
    const model::KindInfo* kind = nullptr;
    std::string name;
};

/// Words of a command line: [KIND] NAME. Without a kind, the capsule or machine of that name, if there is only one.
/// Errors: invalid_argument - no such kind; not_found - nothing has this name; failed_precondition - both kinds have it.
Result<Target> find_target(client::Client& client, const std::string& space, const std::vector<std::string>& words);

/// Words of a command line: [KIND] NAME NAME…; all of them are there, or it fails as find_target() does.
Result<std::vector<Target>> find_targets(client::Client& client, const std::string& space, const std::vector<std::string>& words);

/// The capsule or machine whose terminal or console is meant by [KIND] NAME: a name alone means the wanted kind, also where the
/// other has it too. Errors: failed_precondition - it is of the other kind, with the command that reaches it.
Result<Target> find_terminal(client::Client& client, const std::string& space, const std::vector<std::string>& words,
                             const std::string& wanted);

/// A kind by any name a person types. Errors: invalid_argument, with the names there are.
Result<const model::KindInfo*> kind_by_word(const std::string& word);

/// The kinds that run: capsules and machines.
std::vector<const model::KindInfo*> workload_kinds();

} // namespace nova::app
