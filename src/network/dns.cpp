#include "network/dns.h"

#include <sys/stat.h>

#include <csignal>
#include <filesystem>
#include <optional>
#include <thread>

#include "base/strings.h"
#include "model/cidr.h"
#include "network/plan.h"
#include "sys/child.h"
#include "sys/file.h"
#include "sys/pidfd.h"

namespace nova::network {

using base::Code;
using base::Error;

namespace {

constexpr auto lease_time = "12h";
constexpr auto patience = std::chrono::seconds{3};

/// A user that may do nothing can read our files only where every directory above lets others pass.
bool everybody_may_enter(const std::string& directory)
{
    for (std::filesystem::path path{directory}; !path.empty(); path = path.parent_path()) {
        struct stat found {};
        if (::stat(path.c_str(), &found) < 0 || (found.st_mode & S_IXOTH) == 0)
            return false;
        if (path == path.root_path())
            return true;
    }
    return false;
}

std::string dhcp_range(const SwitchPlan& plan)
{
    auto const subnet = model::parse_subnet(plan.subnet).value(); // check_plan has seen it.
    auto const mask = model::to_string(model::Ipv4{subnet.mask()});
    auto const first = plan.dhcp_first.empty() ? model::to_string(subnet.network()) : plan.dhcp_first;
    auto const last = plan.dhcp_first.empty() ? std::string{"static"} : plan.dhcp_last;
    return base::join({first, last, mask, lease_time}, ",");
}

void add_dns(std::vector<std::string>& arguments, const SwitchPlan& plan, const DnsFiles& files)
{
    auto const domain = domain_of(plan);
    if (!plan.dns) {
        arguments.push_back("--port=0");
        return;
    }
    for (const auto& argument : {"--addn-hosts=" + files.hosts, "--domain=" + domain, "--local=/" + domain + "/",
                                 "--dhcp-option-force=option:domain-search," + domain}) // Not every client asks for it.
        arguments.push_back(argument);
    arguments.insert(arguments.end(), {"--expand-hosts", "--domain-needed", "--bogus-priv"});
    if (plan.profile == Profile::internal)
        arguments.push_back("--no-resolv"); // Goes nowhere: names of the world would be a way out.
}

/// A running dnsmasq, and how it was started.
struct Running {
    sys::UniqueFd handle;
    std::string command; ///< Its arguments, each closed by a zero.
};

/// That of this switch. nullopt: none. A pid file may be old and its number somebody else's by now.
std::optional<Running> find_process(const DnsFiles& files)
{
    auto const text = sys::read_file(files.pid, 64);
    auto const pid = base::parse_integer(base::trim(text.ok() ? text.value() : ""), 1, INT32_MAX);
    if (!pid.ok())
        return std::nullopt;
    auto handle = sys::open_pidfd(static_cast<pid_t>(pid.value())); // From here on it can't become another's.
    auto command = sys::read_file("/proc/" + std::to_string(pid.value()) + "/cmdline");
    if (!handle.ok() || !command.ok() || command.value().find("--pid-file=" + files.pid) == std::string::npos)
        return std::nullopt;
    return Running{std::move(handle).value(), std::move(command).value()};
}

Status signal_process(const Running& process, int signal)
{
    auto status = sys::signal_pidfd(process.handle.get(), signal);
    return base::failed_with(status, Code::not_found) ? base::done() : std::move(status);
}

/// Returns when it is gone, so that whoever looks next knows that it must be started.
Status end_process(const Running& process)
{
    TRY(signal_process(process, SIGTERM));
    auto const deadline = base::Deadline::after(patience);
    while (!sys::has_ended(process.handle.get())) {
        if (deadline.passed())
            return signal_process(process, SIGKILL);
        std::this_thread::sleep_for(std::chrono::milliseconds{2});
    }
    return base::done();
}

bool was_started_with(const Running& process, const std::vector<std::string>& argv)
{
    std::string command;
    for (const auto& argument : argv)
        command += argument + '\0';
    return process.command == command;
}

/// True: it was different.
Result<bool> write_if_different(const std::string& path, const std::string& text)
{
    auto const there = sys::read_file(path);
    if (there.ok() && there.value() == text)
        return false;
    TRY(sys::write_file_atomically(path, text, 0644));
    return true;
}

} // namespace

DnsFiles dns_files(const Options& options, const std::string& name)
{
    auto const directory = options.run_directory + "/dns/" + name;
    return {directory,          directory + "/hosts", directory + "/reservations", directory + "/leases",
            directory + "/pid", directory + "/log"};
}

bool needs_dns(const SwitchPlan& plan) { return plan.profile != Profile::external; }

std::string print_hosts(const SwitchPlan& plan)
{
    std::string text;
    for (const auto& host : plan.hosts)
        text += host.address + " " + host.name + "\n"; // --expand-hosts adds the long name.
    return text;
}

std::string print_reservations(const SwitchPlan& plan)
{
    std::string text;
    for (const auto& host : plan.hosts)
        if (!host.mac.empty())
            text += host.mac + "," + host.address + "," + host.name + "\n";
    return text;
}

Result<model::ProcessSpec> dns_process(const Options& options, const SwitchPlan& plan, int bridge_index)
{
    auto const files = dns_files(options, plan.name);
    model::ProcessSpec process;
    process.id = "dns." + plan.name;
    process.log.path = files.log;
    process.env = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin"};
    bool const unprivileged = everybody_may_enter(files.directory);
    // --bind-dynamic: only this bridge's addresses, and also after they were taken away and put back.
    process.argv = {TRY(sys::find_program("dnsmasq")),
                    "--keep-in-foreground",
                    "--conf-file=/dev/null",
                    "--no-hosts",
                    "--interface=" + plan.bridge,
                    "--except-interface=lo",
                    "--bind-dynamic",
                    "--dhcp-range=" + dhcp_range(plan),
                    "--dhcp-hostsfile=" + files.reservations,
                    "--dhcp-leasefile=" + files.leases,
                    "--dhcp-authoritative",
                    "--no-ping",
                    "--dhcp-ignore-names", // A guest does not name itself: it could take another's name.
                    "--tag-if=set:bridge-" + std::to_string(bridge_index), // Changes nothing but its arguments.
                    "--quiet-dhcp",
                    "--log-facility=-",
                    "--pid-file=" + files.pid,
                    std::string{"--user="} + (unprivileged ? "nobody" : "root")};
    if (plan.profile == Profile::internal)
        process.argv.push_back("--dhcp-option=option:router"); // Empty: no way out.
    add_dns(process.argv, plan, files);
    return process;
}

Status ensure_dns_files(const Options& options, const SwitchPlan& plan, int bridge_index)
{
    auto const files = dns_files(options, plan.name);
    TRY(sys::make_directories(files.directory));
    bool const hosts = TRY(write_if_different(files.hosts, print_hosts(plan)));
    bool const reservations = TRY(write_if_different(files.reservations, print_reservations(plan)));
    auto const process = find_process(files);
    if (!process)
        return base::done();
    auto const wanted = TRY(dns_process(options, plan, bridge_index));
    if (!was_started_with(*process, wanted.argv)) // Another range, another bridge: only a new one can know.
        return end_process(*process).context("end dnsmasq of " + plan.name);
    if (!hosts && !reservations)
        return base::done();
    // One that is just starting reads the files after it has written its pid: nothing is missed.
    return signal_process(*process, SIGHUP).context("have dnsmasq of " + plan.name + " read its hosts");
}

Status remove_dns_files(const Options& options, const std::string& name)
{
    auto const files = dns_files(options, name);
    if (auto const process = find_process(files))
        TRY(end_process(*process).context("end dnsmasq of " + name));
    return sys::remove_tree(files.directory);
}

} // namespace nova::network
