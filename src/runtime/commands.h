#pragma once

#include <span>
#include <string>

#include "runtime/arguments.h"
#include "runtime/globals.h"

namespace nova::runtime {

using Words = std::span<const std::string>;

/// Each command of nb: takes what stands after its name; gives the exit code.
Result<int> create_command(const Globals& globals, Words words);
Result<int> start_command(const Globals& globals, Words words);
Result<int> run_command(const Globals& globals, Words words);
Result<int> state_command(const Globals& globals, Words words);
Result<int> kill_command(const Globals& globals, Words words);
Result<int> delete_command(const Globals& globals, Words words);
Result<int> list_command(const Globals& globals, Words words);
Result<int> exec_command(const Globals& globals, Words words);
Result<int> ps_command(const Globals& globals, Words words);
Result<int> pause_command(const Globals& globals, Words words);
Result<int> resume_command(const Globals& globals, Words words);
Result<int> update_command(const Globals& globals, Words words);
Result<int> events_command(const Globals& globals, Words words);
Result<int> checkpoint_command(const Globals& globals, Words words);
Result<int> restore_command(const Globals& globals, Words words);
Result<int> spec_command(const Globals& globals, Words words);
Result<int> features_command(const Globals& globals, Words words);

/// The options that these know, as runc and crun have them. Those without have none.
std::span<const Option> launch_options(); ///< Of create and run.
std::span<const Option> exec_options();
std::span<const Option> kill_options();
std::span<const Option> delete_options();
std::span<const Option> list_options();
std::span<const Option> ps_options();
std::span<const Option> events_options();
std::span<const Option> checkpoint_options();
std::span<const Option> restore_options();
std::span<const Option> spec_options();

/// The whole program: reads global options and the command, prints an error as one line (and into --log), and gives the exit
/// code: 0, the container's own, or 1 (64 for a wrong call).
int run_nb(int argc, char** argv);

} // namespace nova::runtime
