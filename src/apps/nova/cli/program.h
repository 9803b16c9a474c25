#pragma once

namespace CLI {
class App;
}

namespace nova::app {

struct Invocation;

/// Parses, runs the chosen command, prints its error. Returns the exit code.
int run_program(int argc, char** argv);

/// Each group of commands adds itself; one source for each.
void add_file_commands(CLI::App& app, Invocation& invocation);     ///< up plan down
void add_workload_commands(CLI::App& app, Invocation& invocation); ///< run start stop restart rm
void add_look_commands(CLI::App& app, Invocation& invocation);     ///< ls status events
void add_stream_commands(CLI::App& app, Invocation& invocation);   ///< logs exec attach console
void add_network_commands(CLI::App& app, Invocation& invocation);  ///< net ls|inspect|create|delete
void add_image_commands(CLI::App& app, Invocation& invocation);    ///< image import|ls|rm
void add_host_commands(CLI::App& app, Invocation& invocation);     ///< server doctor version completion

} // namespace nova::app
