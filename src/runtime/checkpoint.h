#pragma once

#include <string>

#include "runtime/criu.h"

namespace nova::runtime {

enum class CheckpointKind {
    whole,
    memory_only, ///< --pre-dump: memory alone, and the container runs on. A later checkpoint writes what changed since.
};

struct CheckpointRequest {
    std::string id;
    CriuSettings settings;
    std::string parent_path; ///< Of an earlier pre-dump, relative to the images. Empty: none.
    CheckpointKind kind = CheckpointKind::whole;
    bool leave_running = false;
};

/// Writes a running container into files. Unless it is left running it is deleted then, as runc does.
/// Errors: not_found - no such container, no criu; failed_precondition - it does not run; criu's own.
base::Status checkpoint_container(const Globals& globals, const CheckpointRequest& request);

} // namespace nova::runtime
