#include "apps/nova/cli/program.h"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <cctype>
#include <csignal>
#include <iostream>

#include "apps/nova/cli/error_words.h"
#include "apps/nova/cli/exit_code.h"
#include "apps/nova/cli/invocation.h"
#include "model/problems.h"
#include "sys/default_signals.h"

namespace nova::app {
namespace {

constexpr auto summary = "Nova runs virtual machines, capsules and the networks and volumes between them from one file.";
constexpr auto footer = R"(Examples:
  nova up                              bring up what ./NovaFile describes
  nova ls                              what is there
  nova logs container web --follow     what a capsule writes
  nova exec container web -- sh        a shell in a capsule
  nova down                            take away what ./NovaFile describes

Exit codes: 0 ok, 1 failure, 2 not found, 3 network, 4 permission, 5 resource, 6 configuration, 7 migration, 8 console, 64 usage.
Environment: NOVA_ROOT stands for --root, NO_COLOR switches colours off.)";

void add_common_options(CLI::App& app, Invocation& invocation)
{
    app.add_option("--root", invocation.root, "Keep everything below this directory: a Nova of its own. /: the system's")
        ->type_name("DIR");
    app.add_option("-n,--namespace", invocation.space, "Namespace of the objects")
        ->type_name("NAME")
        ->check([](const std::string& name) {
            return name.find('/') == std::string::npos ? std::string{} : "\"" + name + "\" is no name: it has a '/'";
        });
    app.add_option("-c,--file", invocation.file, "The NovaFile (default: ./NovaFile)")->type_name("FILE");
    app.add_option("-o,--output", invocation.output_word, "table, wide, json, yaml or name")
        ->check(CLI::IsMember({"table", "wide", "json", "yaml", "name"}))
        ->type_name("FORM");
    app.add_flag("--curl", invocation.curl, "Print the first request of the command for curl instead of sending it");
    app.add_flag("-q,--quiet", invocation.quiet, "No progress, only results");
}

int report(const base::Error& error)
{
    std::cerr << "nova: " << words_of(error) << "\n";
    return exit_code_of(error);
}

/// What a word that nobody expected may have meant.
std::string unexpected(const CLI::App& asked, const std::string& word)
{
    std::vector<std::string> known;
    if (word == "--json" || word == "--yaml")
        return "there is no option \"" + word + "\"; say --output " + word.substr(2);
    if (word.starts_with('-')) {
        for (const auto* app = &asked; app != nullptr; app = app->get_parent())
            for (const auto* option : app->get_options())
                for (const auto& name : option->get_lnames())
                    known.push_back("--" + name);
        return "there is no option \"" + word + "\"" + model::did_you_mean(word, known);
    }
    for (const auto* command : asked.get_subcommands([](const CLI::App*) { return true; }))
        known.push_back(command->get_name());
    if (known.empty())
        return "\"" + word + "\" is a word too many";
    return "there is no command \"" + word + "\"" + model::did_you_mean(word, known);
}

/// "Its name" as the end of a sentence; "NAME[:TAG]" as it is.
std::string as_noun(std::string description)
{
    if (description.size() > 1 && std::islower(static_cast<unsigned char>(description[1])) != 0)
        description[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(description[0])));
    return description;
}

/// The first word that a command needs and did not get, as its help shows it; empty where it lacks none.
std::string missing(const CLI::App& asked)
{
    for (const auto* option : asked.get_options())
        if (option->get_positional() && option->get_required() && option->count() == 0)
            return as_noun(option->get_description());
    return {};
}

int usage_error(const CLI::App& app, const CLI::ParseError& error)
{
    auto const* asked = &app;
    std::string path = "nova";
    while (!asked->get_subcommands().empty()) {
        asked = asked->get_subcommands().front();
        path += " " + asked->get_name();
    }
    auto const left = app.remaining(true);
    auto const lacking = dynamic_cast<const CLI::RequiredError*>(&error) != nullptr ? missing(*asked) : std::string{};
    auto const told = !left.empty()      ? unexpected(*asked, left.front())
                      : !lacking.empty() ? path.substr(path.find(' ') + 1) + " needs: " + lacking
                                         : std::string{error.what()};
    std::cerr << "nova: " << told << "\nsee '" << path << " --help'\n";
    return exit_usage;
}

} // namespace

int run_program(int argc, char** argv)
{
    ::signal(SIGPIPE, SIG_IGN); // A reader that goes away is an error of write(2), told like any other.
    sys::keep_ends_of_children();
    Invocation invocation;
    CLI::App app{summary, "nova"};
    app.footer(footer);
    app.fallthrough();            // The common options may stand behind the command.
    app.require_subcommand(0, 1); // After one, "net" and "image" are kinds: `nova ls net`.
    app.require_subcommand(0, 1); // A second command word is a name: "nova ls net", a capsule "image".
    app.set_version_flag("--version", "nova " NOVA_VERSION);
    add_common_options(app, invocation);
    add_file_commands(app, invocation);
    add_workload_commands(app, invocation);
    add_look_commands(app, invocation);
    add_stream_commands(app, invocation);
    add_network_commands(app, invocation);
    add_image_commands(app, invocation);
    add_host_commands(app, invocation);
    // What stands behind "--" is another program's: it is taken away before our options are looked for.
    auto const end = std::find(argv, argv + argc, std::string_view{"--"});
    invocation.has_dashes = end != argv + argc;
    if (invocation.has_dashes)
        invocation.behind_dashes.assign(end + 1, argv + argc);
    try {
        app.parse(static_cast<int>(end - argv), argv);
    } catch (const CLI::Success& asked) { // --help and --version
        return app.exit(asked);
    } catch (const CLI::ParseError& error) {
        return usage_error(app, error);
    }
    if (!invocation.action) {
        std::cout << app.help();
        return exit_usage;
    }
    auto const outcome = invocation.action();
    if (invocation.curl && base::failed_with(outcome, base::Code::cancelled))
        return exit_ok; // The request was shown, as asked.
    return outcome.ok() ? outcome.value() : report(outcome.error());
}

} // namespace nova::app
