#pragma once

#include <optional>
#include <string>
#include <vector>

#include "apps/nova/cli/applied_file.h"

namespace nova::app {

/// One object of a project and how it fares.
struct Fate {
    model::Key key;
    Progress progress;
};

/// What a file asks for, to be held against what is there.
struct Wanted {
    std::string project;
    std::vector<model::Key> keys;
    /// Where `up` was refused, if it was: of what is missing, this is the one with a reason of its own.
    std::optional<model::Key> refused{};
    std::string reason{};
};
Wanted wanted_of(const std::string& project, const std::vector<PlannedChange>& plan);

/// Everything that is there of the project, and behind it what the file asks for and is not there (as `missing`).
Result<std::vector<Fate>> fates_of(client::Client& client, const std::string& space, const Wanted& wanted);

/// What is up, what is not, and why, a line each.
std::string describe_fates(const std::vector<Fate>& fates);

} // namespace nova::app
