#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <cstring>
#include <thread>

#include "base/abort_guard_testing.h"
#include "vm/command_line.h"
#include "vm/disk.h"
#include "vm/hypervisor.h"
#include "vm/test_guest.h"

namespace nova::vm {
namespace {

using base::Code;
using namespace test_guest;

class QemuMachine : public testing::Test {
protected:
    void SetUp() override
    {
        if (!sys::find_program("qemu-system-x86_64").ok())
            GTEST_SKIP() << "qemu-system-x86 is not installed";
        ASSERT_TRUE(sys::make_directories(root).ok());
        plan.id = "vm.default.probe";
        plan.name = "probe";
        plan.memory = base::Bytes{128u << 20};
        plan.directory = root + "/vms/probe.vm";
        plan.run_directory = root + "/run";
        plan.log_path = root + "/probe.log";
    }
    void TearDown() override
    {
        if (HasFailure())
            std::printf("QEMU said: %s\n", sys::read_file(plan.log_path).value_or("nothing").c_str());
        std::filesystem::remove_all(root);
    }

    /// Without a look whether the timer ticks: where an emulated machine has to wait for its turn it may seem not to, and the
    /// kernel waits for it for ever.
    static constexpr auto quiet = "quiet no_timer_check";

    /// False: there is no kernel to be had.
    bool boot_kernel()
    {
        plan.kernel = kernel();
        if (plan.kernel.empty())
            return false;
        plan.initramfs = root + "/initramfs";
        plan.cmdline = quiet;
        std::ofstream{plan.initramfs} << make_initramfs(plan.kernel);
        return true;
    }

    void boot_disk()
    {
        plan.image = root + "/base.raw";
        std::ofstream{plan.image} << make_boot_disk();
    }

    bool becomes(Power power, std::chrono::seconds limit = 60s)
    {
        auto const deadline = Deadline::after(limit);
        while (!deadline.passed()) {
            auto const now = qemu->observe(plan);
            if (now.ok() && now.value() == power)
                return true;
            std::this_thread::sleep_for(2ms);
        }
        return false;
    }

    static bool stands_still(pid_t pid)
    {
        auto const runs = [&] {
            for (const auto& thread : std::filesystem::directory_iterator{"/proc/" + std::to_string(pid) + "/task"})
                if (sys::read_file(thread.path() / "stat").value_or(") T ").find(") T ") == std::string::npos)
                    return true;
            return false;
        };
        auto const deadline = Deadline::after(30s);
        while (runs() && !deadline.passed())
            std::this_thread::sleep_for(2ms);
        return !runs();
    }

    // Longer than a socket address: the monitor must be reached all the same.
    std::string root = testing::TempDir() + "nova_vm_" + std::string(100, 'x') + std::to_string(::getpid());
    MachinePlan plan;
    std::unique_ptr<Hypervisor> qemu = make_qemu();
    base::AbortGuard const guard{root};
};

TEST_F(QemuMachine, boots_a_kernel_and_turns_off_by_its_power_button)
{
    if (!boot_kernel())
        GTEST_SKIP() << "no Debian kernel to be had";
    Running machine{qemu->prepare(plan).value()};
    ASSERT_TRUE(machine.says("guest: ready")) << machine.tail();
    EXPECT_EQ(qemu->observe(plan).value(), Power::on);
    machine.type("hello");
    EXPECT_TRUE(machine.says("guest: typed hello")) << machine.tail();

    ASSERT_TRUE(qemu->pause(plan).ok());
    EXPECT_EQ(qemu->observe(plan).value(), Power::paused);
    ASSERT_TRUE(qemu->resume(plan).ok());
    EXPECT_EQ(qemu->observe(plan).value(), Power::on);
    EXPECT_EQ(qemu->remove(plan).error().code(), Code::failed_precondition);

    ASSERT_TRUE(qemu->pause(plan).ok()) << "the button must reach a paused guest too";
    ASSERT_TRUE(qemu->press_power_button(plan).ok());
    EXPECT_TRUE(machine.ends()) << machine.tail();
    EXPECT_TRUE(machine.says("guest: button", 10s)) << machine.tail();
    EXPECT_EQ(qemu->observe(plan).value(), Power::off);
}

TEST_F(QemuMachine, boots_from_its_own_disk_and_leaves_the_base_image_alone)
{
    boot_disk();
    auto const before = sys::read_file(plan.image).value();
    {
        Running machine{qemu->prepare(plan).value()};
        ASSERT_TRUE(machine.says(".\n")) << machine.tail();
        EXPECT_NE(machine.seen.find("disk says N."), std::string::npos) << machine.tail();
        ASSERT_TRUE(qemu->quit(plan).ok());
        EXPECT_TRUE(machine.ends());
    }
    Running again{qemu->prepare(plan).value()};
    ASSERT_TRUE(again.says(".\n")) << again.tail();
    EXPECT_NE(again.seen.find("disk says Y."), std::string::npos) << again.tail() << ": what it wrote is gone";
    EXPECT_EQ(sys::read_file(plan.image).value(), before);
    ASSERT_TRUE(qemu->quit(plan).ok());
    EXPECT_TRUE(again.ends());

    EXPECT_TRUE(qemu->remove(plan).ok());
    EXPECT_FALSE(sys::exists(plan.directory));
    EXPECT_FALSE(sys::exists(MachineFiles{plan}.run));
    EXPECT_TRUE(qemu->remove(plan).ok()) << "absence is accepted";
}

TEST_F(QemuMachine, reboots_in_place)
{
    if (!boot_kernel())
        GTEST_SKIP() << "no Debian kernel to be had";
    Running machine{qemu->prepare(plan).value()};
    ASSERT_TRUE(machine.says("guest: ready")) << machine.tail();
    machine.type("reboot");
    ASSERT_TRUE(machine.says("guest: reboots")) << machine.tail();
    machine.seen.clear();
    EXPECT_TRUE(machine.says("guest: ready")) << machine.tail();
    EXPECT_EQ(qemu->observe(plan).value(), Power::on);
}

TEST_F(QemuMachine, whose_guest_panics_ends_as_a_failure)
{
    if (!boot_kernel())
        GTEST_SKIP() << "no Debian kernel to be had";
    Running machine{qemu->prepare(plan).value()};
    ASSERT_TRUE(machine.says("guest: ready")) << machine.tail();
    machine.type("panic");
    auto const status = machine.child().wait(Deadline::after(60s)).value();
    ASSERT_TRUE(status) << machine.tail();
    EXPECT_EQ(status->code, 1) << "not 0: that means the guest switched itself off";
    EXPECT_EQ(qemu->observe(plan).value(), Power::off);
}

/// A persistent tap with an address, in this network namespace. Also persistent without the virtio header: QEMU asks for it anew.
bool make_tap(const std::string& name, const char* address)
{
    sys::UniqueFd const tun = sys::open_file("/dev/net/tun", O_RDWR).value();
    sys::UniqueFd const socket{::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
    ifreq request{};
    std::memcpy(request.ifr_name, name.data(), name.size());
    request.ifr_flags = IFF_TAP | IFF_NO_PI;
    if (::ioctl(tun.get(), TUNSETIFF, &request) < 0 || ::ioctl(tun.get(), TUNSETPERSIST, 1) < 0)
        return false;
    sockaddr_in where{};
    where.sin_family = AF_INET;
    where.sin_addr.s_addr = ::inet_addr(address);
    std::memcpy(&request.ifr_addr, &where, sizeof where);
    if (::ioctl(socket.get(), SIOCSIFADDR, &request) < 0)
        return false;
    request.ifr_flags = IFF_UP;
    return ::ioctl(socket.get(), SIOCSIFFLAGS, &request) == 0;
}

TEST_F(QemuMachine, talks_through_its_tap)
{
    if (::unshare(CLONE_NEWNET) < 0)
        GTEST_SKIP() << "no network namespace of our own: not root";
    if (!boot_kernel())
        GTEST_SKIP() << "no Debian kernel to be had";
    plan.tap = "nvtest0";
    plan.mac = "52:54:00:12:34:56";
    plan.cmdline = std::string{quiet} + " address=192.0.2.2 peer=192.0.2.1";
    ASSERT_TRUE(make_tap(plan.tap, "192.0.2.1"));
    Running machine{qemu->prepare(plan).value()};
    ASSERT_TRUE(machine.says("guest: ready")) << machine.tail();
    EXPECT_TRUE(machine.says("guest: reaches 192.0.2.1 as " + plan.mac, 0s)) << machine.tail();
}

TEST_F(QemuMachine, is_off_after_sigkill_and_starts_over_what_it_left)
{
    boot_disk();
    EXPECT_EQ(qemu->observe(plan).value(), Power::off) << "never started";
    {
        Running machine{qemu->prepare(plan).value()};
        ASSERT_TRUE(becomes(Power::on));
        ASSERT_TRUE(machine.child().signal(SIGKILL).ok());
        EXPECT_FALSE(machine.ends());
    }
    EXPECT_TRUE(sys::exists(MachineFiles{plan}.monitor)) << "a stale socket is what this test is about";
    EXPECT_EQ(qemu->observe(plan).value(), Power::off);
    EXPECT_EQ(qemu->press_power_button(plan).error().code(), Code::failed_precondition);
    EXPECT_TRUE(qemu->quit(plan).ok());

    auto const spec = qemu->prepare(plan).value();
    EXPECT_FALSE(sys::exists(MachineFiles{plan}.monitor));
    Running machine{spec};
    EXPECT_TRUE(becomes(Power::on));
    EXPECT_TRUE(qemu->prepare(plan).ok()) << "harmless while it runs";
    EXPECT_EQ(qemu->observe(plan).value(), Power::on);
}

TEST_F(QemuMachine, cannot_be_started_twice)
{
    boot_disk();
    auto const spec = qemu->prepare(plan).value();
    Running machine{spec};
    ASSERT_TRUE(becomes(Power::on));
    Running second{spec};
    EXPECT_FALSE(second.ends()) << "the pid file is locked";
    EXPECT_EQ(qemu->observe(plan).value(), Power::on);
}

TEST_F(QemuMachine, cannot_be_slowed_by_a_monitor_that_hangs)
{
    boot_disk();
    Running machine{qemu->prepare(plan).value()};
    ASSERT_TRUE(becomes(Power::on));
    ASSERT_TRUE(machine.child().signal(SIGSTOP).ok());
    ASSERT_TRUE(stands_still(machine.child().pid())); // One thread after the other hears of it.
    auto const start = std::chrono::steady_clock::now();
    EXPECT_EQ(qemu->observe(plan).error().code(), Code::deadline_exceeded);
    EXPECT_LT(std::chrono::steady_clock::now() - start, 60s);
    ASSERT_TRUE(machine.child().signal(SIGCONT).ok());
    EXPECT_TRUE(becomes(Power::on));
}

TEST_F(QemuMachine, makes_overlays_that_qemu_finds_no_fault_with)
{
    if (!sys::find_program("qemu-img").ok())
        GTEST_SKIP() << "qemu-utils is not installed";
    boot_disk();
    for (auto const size : {0ull, 10ull << 30, 3ull << 40}) {
        auto const path = root + "/overlay." + std::to_string(size) + ".qcow2";
        ASSERT_TRUE(create_overlay(path, plan.image, probe_base_image(plan.image).value(), base::Bytes{size}).ok());
        auto const program = sys::find_program("qemu-img").value();
        auto const check =
            sys::run_child({.child = {.program = program, .argv = {"qemu-img", "check", "-f", "qcow2", path}}, .input = {}});
        EXPECT_TRUE(check.value().status.success()) << check.value().out << check.value().err;
        auto const info =
            sys::run_child({.child = {.program = program, .argv = {"qemu-img", "info", "-f", "qcow2", path}}, .input = {}});
        EXPECT_NE(info.value().out.find("backing file format: raw"), std::string::npos) << info.value().out;
        EXPECT_NE(info.value().out.find("(" + std::to_string(size == 0 ? 1ull << 20 : size) + " bytes)"), std::string::npos);
    }
}

TEST(Acceleration, is_measured_and_told_in_words)
{
    auto const start = std::chrono::steady_clock::now();
    auto const finding = measure_acceleration();
    EXPECT_LT(std::chrono::steady_clock::now() - start, 60s);
    EXPECT_NE(finding.reason, "");
    std::printf("%s: %s\n", std::string{to_string(finding.use)}.c_str(), finding.reason.c_str());
}

} // namespace
} // namespace nova::vm
