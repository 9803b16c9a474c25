#pragma once

#include <span>

/// Nebulon's commands (docs/nebulon.md): containers, volumes and images kept below one directory, and run by nb.
namespace nova::nebulon {

enum class Call {
    runtime,
    nebulon,
    help, ///< COMMAND --help of one that both have: the runtime tells of its own, and then Nebulon's program, where it is there.
};

/// Whose command this call of nb is. `words` are those behind the program's name; `bundle_here` is asked, only where it decides,
/// whether the working directory holds a config.json. Makes nothing and allocates nothing: every start of a container passes
/// here.
///   init, stop, rm, volume, image and ps without an id are Nebulon's.
///   create and run mean the OCI runtime with --bundle or another option that only it has, and with exactly one argument in a
///   directory with a config.json.
Call whose_call(std::span<const char* const> words, bool (*bundle_here)());

/// Becomes nb-nebulon, which lies beside our own program. Returns only where it is not there.
void become_nebulon(char** argv);

/// Says that it is not there. Returns the exit code.
int tell_missing_nebulon();

} // namespace nova::nebulon
