#include "runtime/restored_check.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "sys/child.h"
#include "sys/unix_socket.h"

namespace nova::runtime {
namespace {

/// A process of two threads that stands still; `script` is what the first of them does to itself alone.
class Restored : public testing::Test {
protected:
    sys::Child start(const std::string& script)
    {
        auto [ours, theirs] = sys::socket_pair(sys::SocketKind::stream).value();
        sys::ChildSpec spec;
        spec.program = "/usr/bin/python3";
        spec.argv = {"python3", "-c",
                     "import ctypes, threading, time\n"
                     "threading.Thread(target=time.sleep, args=(60,), daemon=True).start()\n"
                     "libc = ctypes.CDLL(None)\n" +
                         script + "\nprint('ready', flush=True)\ntime.sleep(60)"};
        spec.out = theirs.get();
        auto child = sys::spawn(spec).value();
        theirs.reset();
        char letter = 0;
        EXPECT_EQ(::read(ours.get(), &letter, 1), 1);
        return child;
    }

    std::string refusal(const sys::Child& child) const
    {
        auto const checked = check_restored(config_, {.rootfs = "/", .first = child.pid()});
        return checked.ok() ? "" : checked.error().message();
    }

    Restored() { config_.process.emplace(); }
    model::oci::Config config_;
};

constexpr auto give_up_new_privileges = "libc.prctl(38, 1, 0, 0, 0)";
constexpr auto give_up_capabilities = // 3 of version 3: effective, permitted and inheritable, of two words each.
    "libc.prctl(47, 4, 0, 0, 0)\n"
    "for number in range(64): libc.prctl(24, number, 0, 0, 0)\n"
    "libc.capset(ctypes.byref((ctypes.c_uint32 * 2)(0x20080522, 0)), ctypes.byref((ctypes.c_uint32 * 6)()))";

TEST_F(Restored, may_have_what_the_configuration_allows) { EXPECT_EQ(refusal(start("")), ""); }

TEST_F(Restored, may_not_gain_privileges_in_any_thread)
{
    config_.process->no_new_privileges = true;
    EXPECT_NE(refusal(start(give_up_new_privileges)).find("may gain privileges"), std::string::npos);
}

TEST_F(Restored, may_not_have_more_capabilities_in_any_thread)
{
    config_.process->capabilities.emplace();
    EXPECT_NE(refusal(start(give_up_capabilities)).find("has capabilities that process.capabilities does not allow"),
              std::string::npos);
}

} // namespace
} // namespace nova::runtime
