#pragma once

#include <span>
#include <string>

#include "apps/nebulon/store.h"

namespace nova::nebulon {

using Words = std::span<const std::string>;

/// What every command gets.
struct Context {
    const Store& store;
    std::string program; ///< Path of nb-nebulon.
    std::string runtime; ///< Path of nb.
};

/// Each takes what stands behind its name, and gives the exit code. Errors: invalid_argument, not_found, failed_precondition.
Result<int> init_command(const Context& context, Words words);
Result<int> create_command(const Context& context, Words words);
Result<int> run_command(const Context& context, Words words); ///< Becomes nb: returns only on failure.
Result<int> ps_command(const Context& context, Words words);
Result<int> stop_command(const Context& context, Words words);
Result<int> rm_command(const Context& context, Words words);
Result<int> note_command(const Context& context, Words words); ///< nb's hooks: "started ID", "ended ID".
Result<int> volume_command(const Context& context, Words words);
Result<int> image_command(const Context& context, Words words);

/// The whole program. Prints an error as one line. Returns the exit code: 0, or 1.
int run_nebulon(int argc, char** argv);

} // namespace nova::nebulon
