#include "apps/nova/cli/doctor.h"

#include <unistd.h>

#include <iostream>

#include "apps/nova/cli/exit_code.h"
#include "apps/nova/cli/print.h"
#include "apps/nova/cli/table.h"
#include "apps/nova/server/places.h"
#include "sys/child.h"
#include "sys/file.h"
#include "vm/hypervisor.h"

namespace nova::app {
namespace {

using nlohmann::json;

struct Finding {
    std::string what;
    enum class Verdict { good, note, bad } verdict = Verdict::good;
    std::string words;
};

std::string_view to_string(Finding::Verdict verdict)
{
    switch (verdict) {
    case Finding::Verdict::good: return "ok";
    case Finding::Verdict::note: return "note";
    case Finding::Verdict::bad: return "missing";
    }
    return "missing";
}

Finding program(const std::string& name, const std::string& package, const std::string& use)
{
    auto const found = sys::find_program(name);
    if (found.ok())
        return {name, Finding::Verdict::good, found.value()};
    return {name, Finding::Verdict::bad, use + " need it: apt-get install " + package};
}

Finding filesystem(const std::string& name, const std::string& use)
{
    auto const known = sys::read_file("/proc/filesystems").value_or("");
    bool const there = known.find("\t" + name + "\n") != std::string::npos;
    return {name, there ? Finding::Verdict::good : Finding::Verdict::note,
            there ? "the kernel has it" : "the kernel does not list it (it may be a module): " + use + " need it"};
}

Finding device(const std::string& path, const std::string& use)
{
    bool const there = sys::exists(path);
    return {path, there ? Finding::Verdict::good : Finding::Verdict::bad,
            there ? "" : use + " need it: modprobe " + path.substr(path.rfind('/') + 1)};
}

Finding cgroups()
{
    if (sys::exists("/sys/fs/cgroup/cgroup.controllers"))
        return {"cgroups", Finding::Verdict::good, "version 2"};
    if (sys::exists("/sys/fs/cgroup/memory"))
        return {"cgroups", Finding::Verdict::good,
                sys::exists("/sys/fs/cgroup/unified") ? "version 1 beside 2 (hybrid)" : "version 1"};
    return {"cgroups", Finding::Verdict::bad, "none is mounted at /sys/fs/cgroup: limits can't be set"};
}

std::vector<Finding> examine()
{
    std::vector<Finding> findings;
    bool const root = ::geteuid() == 0;
    findings.push_back({"privilege", root ? Finding::Verdict::good : Finding::Verdict::bad,
                        root ? "root" : "bridges, taps and mounts need root: run it as root"});
    findings.push_back(cgroups());
    findings.push_back(filesystem("overlay", "capsules"));
    findings.push_back(device("/dev/net/tun", "machines' networks"));
    findings.push_back(program("qemu-system-x86_64", "qemu-system-x86", "machines"));
    findings.push_back(program("qemu-img", "qemu-utils", "disks"));
    findings.push_back(program("dnsmasq", "dnsmasq-base", "DHCP and DNS"));
    auto const acceleration = vm::measure_acceleration();
    bool const fast = acceleration.use == vm::Acceleration::kvm;
    findings.push_back({"acceleration", fast ? Finding::Verdict::good : Finding::Verdict::note,
                        std::string{vm::to_string(acceleration.use)} + ": " + acceleration.reason});
    return findings;
}

} // namespace

Result<int> examine_host(const Invocation& invocation)
{
    auto const layout = TRY(find_layout(invocation.root));
    auto const findings = examine();
    bool bad = false;
    json checks = json::array();
    std::vector<std::vector<std::string>> rows;
    for (const auto& finding : findings) {
        bad = bad || finding.verdict == Finding::Verdict::bad;
        checks.push_back({{"check", finding.what}, {"verdict", to_string(finding.verdict)}, {"message", finding.words}});
        rows.push_back({finding.what, std::string{to_string(finding.verdict)}, finding.words});
    }
    if (invocation.output() == Output::json || invocation.output() == Output::yaml)
        std::cout << print_document({{"version", NOVA_VERSION}, {"state", layout.state}, {"run", layout.run}, {"checks", checks}},
                                    invocation.output());
    else
        std::cout << format_table({"CHECK", "VERDICT", "WHAT"}, rows) << "\nstate: " << layout.state
                  << "\nrun time: " << layout.run << "\n";
    return bad ? exit_failure : exit_ok;
}

} // namespace nova::app
