#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>

#include "base/must.h"
#include "sys/child.h"
#include "sys/fifo.h"
#include "sys/file.h"
#include "vm/hypervisor.h"

/// Guests for the machine tests: what they boot, and a stand-in for the supervisor that runs them.
namespace nova::vm::test_guest {

using base::Deadline;
using namespace std::chrono_literals;

/// The checkout this test was built in: the folder above the program that has tools/debian-kernel.
inline std::string checkout()
{
    auto folder = std::filesystem::read_symlink("/proc/self/exe").parent_path();
    while (!std::filesystem::exists(folder / "tools/debian-kernel") && folder != folder.root_path())
        folder = folder.parent_path();
    return folder.string();
}

/// Debian's cloud kernel, fetched on first use; empty where there is no way to get it.
inline std::string kernel()
{
    auto const script = checkout() + "/tools/debian-kernel";
    auto const cache = checkout() + "/build/cache/kernel";
    auto const run = sys::run_child({.child = {.program = script, .argv = {script, cache}}, .input = {}});
    if (!run.ok() || !run.value().status.success())
        return {};
    auto path = run.value().out;
    path.erase(path.find_last_not_of('\n') + 1);
    return path;
}

/// Writes the archive an initramfs is: cpio "newc", then zero-padded to 4 bytes after each name and body.
class Cpio {
public:
    void add(const std::string& name, unsigned mode, const std::string& body = {}, unsigned major = 0, unsigned minor = 0)
    {
        char head[111];
        std::snprintf(head, sizeof head, "070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x", ++inode_, mode, 0u, 0u, 1u,
                      0u, static_cast<unsigned>(body.size()), 0u, 0u, major, minor, static_cast<unsigned>(name.size() + 1), 0u);
        text_ += head + name + '\0';
        pad();
        text_ += body;
        pad();
    }
    std::string finish() &&
    {
        add("TRAILER!!!", 0);
        return std::move(text_);
    }

private:
    void pad() { text_.resize((text_.size() + 3) / 4 * 4); }
    std::string text_;
    unsigned inode_ = 0;
};

/// busybox, the modules for virtio and the power button, and an init that says "guest: ready", waits for the button, says
/// "guest: button" and turns the machine off. What is typed to it is said back: "guest: typed LINE"; "reboot" and "panic" are
/// obeyed. With peer= and address= on the kernel's command line it first pings its peer: "guest: reaches PEER as MAC".
inline std::string make_initramfs(const std::string& vmlinuz)
{
    static constexpr auto init = R"init(#!/bin/busybox sh
export PATH=/bin
/bin/busybox --install -s /bin
mount -t proc proc /proc; mount -t sysfs sys /sys
for m in button evdev; do insmod /$m.ko; done
echo "guest: up"
if [ -n "$peer" ]; then
    for m in virtio_ring virtio virtio_pci_legacy_dev virtio_pci_modern_dev virtio_pci failover net_failover virtio_net; do
        insmod /$m.ko
    done
    ifconfig eth0 $address up
    ping -c 1 -w 60 $peer >/dev/null && echo "guest: reaches $peer as $(cat /sys/class/net/eth0/address)"
fi
mdev -s
( while read -r line; do echo "guest: typed $line"
    [ "$line" = reboot ] && echo "guest: reboots" && reboot -f
    [ "$line" = panic ] && insmod /pvpanic.ko && insmod /pvpanic-pci.ko && echo c >/proc/sysrq-trigger
  done </dev/console ) &
button=$(grep -l "Power Button" /sys/class/input/event*/device/name | cut -d/ -f5)
exec 3</dev/input/$button # Before it says so: only who has it open hears of the button.
echo "guest: ready, button is $button"
dd of=/dev/null bs=24 count=1 2>/dev/null <&3
echo "guest: button"
poweroff -f
)init";
    static const std::set<std::string> wanted = {"button.ko",      "evdev.ko",        "virtio.ko",
                                                 "virtio_ring.ko", "virtio_pci.ko",   "virtio_pci_legacy_dev.ko",
                                                 "failover.ko",    "net_failover.ko", "virtio_pci_modern_dev.ko",
                                                 "virtio_net.ko",  "pvpanic.ko",      "pvpanic-pci.ko"};
    auto const modules = std::filesystem::path{vmlinuz}.parent_path().parent_path() / "lib/modules";
    Cpio cpio;
    for (auto const* folder : {"bin", "dev", "proc", "sys"})
        cpio.add(folder, 040755);
    cpio.add("dev/console", 020600, {}, 5, 1);
    cpio.add("dev/null", 020666, {}, 1, 3);
    cpio.add("bin/busybox", 0100755, sys::read_file("/bin/busybox").value());
    cpio.add("init", 0100755, init);
    for (auto const& entry : std::filesystem::recursive_directory_iterator{modules}) {
        auto const name = entry.path().filename().string();
        if (wanted.contains(name))
            cpio.add(name, 0100644, sys::read_file(entry.path()).value());
    }
    return std::move(cpio).finish();
}

/// A boot sector that prints "disk says X", X being the first byte of the next sector, makes that byte a 'Y', prints "." and
/// halts. Its source, in GNU assembler, is a loop over out $0x3f8 and int $0x13 with AH = 0x42 and 0x43.
inline constexpr std::array<unsigned char, 112> boot_sector = {
    0x31, 0xc0, 0x8e, 0xd8, 0x8e, 0xc0, 0x8e, 0xd0, 0xbc, 0x00, 0x7c, 0x52, 0xbe, 0x53, 0x7c, 0xac, 0x84, 0xc0, 0x74,
    0x05, 0xe8, 0x37, 0x00, 0xeb, 0xf6, 0x5a, 0x52, 0xb4, 0x42, 0xbe, 0x60, 0x7c, 0xcd, 0x13, 0x72, 0x23, 0xa0, 0x00,
    0x7e, 0xe8, 0x24, 0x00, 0xc6, 0x06, 0x00, 0x7e, 0x59, 0x5a, 0xb8, 0x00, 0x43, 0xbe, 0x60, 0x7c, 0xcd, 0x13, 0x72,
    0x0d, 0xb0, 0x2e, 0xe8, 0x0f, 0x00, 0xb0, 0x0a, 0xe8, 0x0a, 0x00, 0xf4, 0xeb, 0xfd, 0xb0, 0x21, 0xe8, 0x02, 0x00,
    0xeb, 0xf1, 0xba, 0xf8, 0x03, 0xee, 0xc3, 0x64, 0x69, 0x73, 0x6b, 0x20, 0x73, 0x61, 0x79, 0x73, 0x20, 0x00, 0x66,
    0x90, 0x10, 0x00, 0x01, 0x00, 0x00, 0x7e, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00};

/// A raw disk of 1 MiB with that boot sector and an 'N' after it.
inline std::string make_boot_disk()
{
    std::string disk(1 << 20, '\0');
    std::copy(boot_sector.begin(), boot_sector.end(), disk.begin());
    disk[510] = '\x55';
    disk[511] = '\xaa';
    disk[512] = 'N';
    return disk;
}

/// A machine that runs: what the supervisor would be to it. Killed when it goes out of scope.
class Running {
public:
    explicit Running(const model::ProcessSpec& spec)
    {
        base::must(sys::ensure_fifo(spec.console_fifo + ".in").ok(), "make a FIFO");
        base::must(sys::ensure_fifo(spec.console_fifo + ".out").ok(), "make a FIFO");
        in_ = sys::open_fifo(spec.console_fifo + ".in").value();
        out_ = sys::open_fifo(spec.console_fifo + ".out").value();
        auto const log = sys::open_file(spec.log.path, O_WRONLY | O_CREAT | O_APPEND, 0600).value();
        child_.emplace(sys::spawn({.program = spec.argv[0],
                                   .argv = spec.argv,
                                   .env = spec.env,
                                   .cwd = spec.cwd,
                                   .out = log.get(),
                                   .err = log.get()})
                           .value());
    }

    /// Reads the console until it has said this. False: not in time; `seen` has what it did say.
    bool says(const std::string& words, std::chrono::seconds limit = 100s)
    {
        auto const deadline = Deadline::after(limit);
        while (seen.find(words) == std::string::npos) {
            pollfd entry{out_.get(), POLLIN, 0};
            if (deadline.passed() || ::poll(&entry, 1, deadline.poll_timeout_ms()) <= 0)
                return false;
            char chunk[4096];
            auto const count = ::read(out_.get(), chunk, sizeof chunk);
            if (count > 0)
                seen.append(chunk, static_cast<std::size_t>(count));
        }
        return true;
    }

    void type(const std::string& line) { EXPECT_TRUE(sys::write_all(in_.get(), line + "\n").ok()); }

    /// True once the process has ended well.
    bool ends(std::chrono::seconds limit = 60s)
    {
        auto const status = child_->wait(Deadline::after(limit));
        return status.ok() && status.value() && status.value()->success();
    }

    sys::Child& child() { return *child_; }

    /// The last of what it said, for a test's message.
    std::string tail() const { return seen.size() > 2000 ? "…" + seen.substr(seen.size() - 2000) : seen; }

    std::string seen; ///< All that the console said.

private:
    sys::UniqueFd in_;
    sys::UniqueFd out_;
    std::optional<sys::Child> child_;
};

} // namespace nova::vm::test_guest
