#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include "base/result.h"
#include "model/process_spec.h"

namespace nova::supervisor {

using base::Result;
using base::Status;

/// What is on disk about one supervised process, so that a successor can adopt it.
struct Record {
    enum class Phase {
        launching, ///< The launcher runs; pid is its.
        running,
        exited,
        lost,
    };

    model::ProcessSpec spec;
    Phase phase = Phase::running;
    pid_t pid = 0;
    unsigned long long start_ticks = 0; ///< With the boot's name: tells this process from a later one with its number.
    std::string boot;
    std::optional<int> exit_code;
    std::string started;
    std::string finished;
};

/// Written before the process runs, and again at each change.
Status write_record(const std::string& directory, const Record& record);
Result<Record> read_record(const std::string& directory); ///< Errors: not_found; data_loss - unreadable.

nlohmann::json to_json(const model::ProcessSpec& spec);
nlohmann::json to_json(const model::ProcessStatus& status);

/// Errors: invalid_argument - a field is missing or of a wrong type, or the id can't be a name of a directory.
Result<model::ProcessSpec> parse_spec(const nlohmann::json& json);
Result<model::ProcessStatus> parse_status(const nlohmann::json& json);

/// 1 to 200 of letters, digits, '-', '_' and '.', not at the beginning.
bool is_process_id(std::string_view id);

} // namespace nova::supervisor
