#pragma once

#include "apps/nova/cli/changes.h"
#include "apps/nova/cli/invocation.h"
#include "client/client.h"
#include "model/novafile.h"

namespace nova::app {

/// Reads the NovaFile that the options name (default ./NovaFile).
/// Errors: not_found - with the next step; invalid_argument - every cause, with its place.
Result<model::NovaFile> read_novafile(const Invocation& invocation);

/// Only the project of that file; a file with errors still says which project it is where that can be read.
Result<std::string> read_project_name(const Invocation& invocation);

/// What is there of a project, all kinds that a NovaFile can write.
Result<std::vector<nlohmann::json>> live_objects(client::Client& client, const std::string& space, const std::string& project);

/// The plan, and a refusal where an object of another project would be taken over.
Result<std::vector<PlannedChange>> plan_file(client::Client& client, const std::string& space, const model::NovaFile& file);

/// How one object fares after it was applied.
struct Progress {
    enum class State {
        waiting,
        ready,
        failed,
        missing, ///< It is not there at all.
    };
    State state = State::waiting;
    std::string words;    ///< What it waits for, or why it failed.
    std::string reason{}; ///< The same in one word; empty where nobody said.
};
Progress progress_of(const nlohmann::json& object);

} // namespace nova::app
