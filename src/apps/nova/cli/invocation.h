#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/result.h"

namespace nova::app {

using base::Result;
using base::Status;

/// How results are printed.
enum class Output { table, wide, json, yaml, name };

/// One call of `nova`: what the options said that every command has, and what the chosen command does.
struct Invocation {
    std::string root;
    std::string space = "default";
    std::string file; ///< The NovaFile; empty: ./NovaFile
    std::string output_word = "table";
    bool curl = false;  ///< Print the request instead of sending it.
    bool quiet = false; ///< No progress, only results.

    std::vector<std::string> behind_dashes; ///< What stood behind "--": a command for a capsule, and none of our options.
    bool has_dashes = false;                ///< "--" was there, though nothing may stand behind it.

    /// Set by the command that was chosen. Returns the exit code.
    std::function<Result<int>()> action;

    Output output() const;
};

/// True where escapes for colour may be written: stdout is a terminal, NO_COLOR is not set, and TERM is not "dumb".
bool colours_allowed();

} // namespace nova::app
