#include "vm/command_line.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "vm/config_file.h"

namespace nova::vm {
namespace {

using nlohmann::json;
using testing::Contains;
using testing::HasSubstr;
using testing::Not;

MachinePlan make_plan()
{
    MachinePlan plan;
    plan.id = "vm.default.probe";
    plan.name = "probe";
    plan.cpus = 2;
    plan.memory = base::Bytes{256u << 20};
    plan.directory = "/state/vms/probe.vm";
    plan.run_directory = "/run/nova/vms/vm.default.probe";
    return plan;
}

std::string value_of(const std::vector<std::string>& arguments, const std::string& option, int which = 0)
{
    for (std::size_t i = 0; i + 1 < arguments.size(); ++i) {
        if (arguments[i] == option && which-- == 0)
            return arguments[i + 1];
    }
    return "(absent)";
}

TEST(CommandLine, says_how_large_the_machine_is_and_how_it_runs)
{
    auto plan = make_plan();
    auto const arguments = make_command_line("/usr/bin/qemu", plan, {});
    EXPECT_EQ(arguments[0], "/usr/bin/qemu");
    EXPECT_EQ(value_of(arguments, "-smp"), "2");
    EXPECT_EQ(value_of(arguments, "-m"), "268435456B");
    EXPECT_EQ(value_of(arguments, "-accel"), "tcg");
    EXPECT_THAT(value_of(arguments, "-machine"), HasSubstr("q35"));
    EXPECT_THAT(arguments, Contains("-nodefaults"));
    EXPECT_THAT(arguments, Not(Contains("-kernel")));
    EXPECT_THAT(arguments, Not(Contains("-blockdev")));
    EXPECT_THAT(arguments, Not(Contains("-netdev")));
    plan.acceleration = Acceleration::kvm;
    EXPECT_EQ(value_of(make_command_line("qemu", plan, {}), "-accel"), "kvm");
}

TEST(CommandLine, boots_a_kernel_with_a_console)
{
    auto plan = make_plan();
    plan.kernel = "/boot/a,b=c";
    plan.initramfs = "/boot/initrd";
    plan.cmdline = "quiet root=/dev/vda";
    auto const arguments = make_command_line("qemu", plan, {});
    EXPECT_EQ(value_of(arguments, "-kernel"), "/boot/a,b=c");
    EXPECT_EQ(value_of(arguments, "-initrd"), "/boot/initrd");
    EXPECT_THAT(value_of(arguments, "-append"), HasSubstr("console=ttyS0 quiet root=/dev/vda"));
    EXPECT_EQ(kernel_command_line("", Acceleration::kvm), "console=ttyS0");
    EXPECT_EQ(kernel_command_line("console=hvc0 quiet", Acceleration::kvm), "console=hvc0 quiet");
}

/// Without acceleration QEMU's own thread ticks for the guest. Where that waits for a processor while the guest counts ticks, at
/// its start, Linux panics with "IO-APIC + timer doesn't work!". Under KVM it does not count.
TEST(CommandLine, spares_a_kernel_without_acceleration_the_check_of_its_timer)
{
    auto plan = make_plan();
    plan.kernel = "/boot/vmlinuz";
    plan.cmdline = "quiet -- a word for init";
    plan.acceleration = Acceleration::tcg;
    EXPECT_EQ(value_of(make_command_line("qemu", plan, {}), "-append"), "no_timer_check console=ttyS0 quiet -- a word for init");
    plan.acceleration = Acceleration::kvm;
    EXPECT_EQ(value_of(make_command_line("qemu", plan, {}), "-append"), "console=ttyS0 quiet -- a word for init");
}

TEST(CommandLine, spells_the_disk_s_chain_out)
{
    auto const arguments =
        make_command_line("qemu", make_plan(), {"/state/a,\"b\"/hd0.qcow2", "/images/base.qcow2", DiskFormat::qcow2});
    auto const disk = json::parse(value_of(arguments, "-blockdev"));
    EXPECT_EQ(disk["file"]["filename"], "/state/a,\"b\"/hd0.qcow2");
    EXPECT_EQ(disk["backing"]["driver"], "qcow2");
    EXPECT_EQ(disk["backing"]["read-only"], true);
    EXPECT_TRUE(disk["backing"]["backing"].is_null()) << "the base may not lead QEMU to further files";
    auto const alone =
        json::parse(value_of(make_command_line("qemu", make_plan(), {"/hd0.qcow2", {}, DiskFormat::raw}), "-blockdev"));
    EXPECT_TRUE(alone["backing"].is_null());
}

TEST(CommandLine, lets_no_name_smuggle_in_an_option)
{
    auto plan = make_plan();
    plan.id = "vm.default.x,debug-threads=on";
    plan.tap = "tap0,script=/bin/evil";
    plan.mac = "52:54:00:00:00:01,romfile=/evil";
    auto const arguments = make_command_line("qemu", plan, {});
    EXPECT_EQ(value_of(arguments, "-name"), "guest=vm.default.x,,debug-threads=on");
    auto const tap = json::parse(value_of(arguments, "-netdev"));
    EXPECT_EQ(tap["ifname"], plan.tap);
    EXPECT_EQ(tap["script"], "no");
    auto const card = json::parse(value_of(arguments, "-device"));
    EXPECT_EQ(card["mac"], plan.mac);
    EXPECT_EQ(card["romfile"], "");
}

TEST(CommandLine, keeps_the_machine_s_files_apart_from_others)
{
    auto const plan = make_plan();
    MachineFiles const files{plan};
    EXPECT_EQ(files.monitor, "/run/nova/vms/vm.default.probe/monitor");
    auto const arguments = make_command_line("qemu", plan, {});
    EXPECT_THAT(value_of(arguments, "-chardev", 1), HasSubstr("path=monitor,")) << "relative: a socket's path must be short";
    EXPECT_THAT(value_of(arguments, "-chardev", 0), HasSubstr("path=console"));
}

TEST(ConfigFile, is_in_yave_s_form)
{
    auto plan = make_plan();
    plan.image = "/images/base.img";
    plan.tap = "nv0123456789";
    plan.mac = "52:54:01:02:03:04";
    auto const text = make_config_yaml(plan);
    for (auto const* part : {"name: \"probe\"\n", "hardware:\n  memory: 256\n  vcpu: 2\n",
                             "drives:\n  hd0:\n    path: hd0.qcow2\n    device:\n      type: virtio-blk\n",
                             "networks:\n  net0:\n    type: tap\n", "mac: \"52:54:01:02:03:04\""})
        EXPECT_THAT(text, HasSubstr(part));
    EXPECT_THAT(make_config_yaml(make_plan()), HasSubstr("drives: {}\nnetworks: {}\n"));
}

} // namespace
} // namespace nova::vm
