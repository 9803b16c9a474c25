// Filters with an agent that answers system calls, and profiles that are wrong.
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "base/strings.h"
#include "runtime/container_fixture.h"
#include "runtime/seccomp_cache.h"
#include "sys/unix_socket.h"

namespace nova::runtime {
namespace {

class SeccompOf : public ContainerTest {
protected:
    void SetUp() override
    {
        ContainerTest::SetUp();
        if (IsSkipped())
            return;
        listener = sys::listen_unix(agent, sys::SocketKind::stream).value();
        config["linux"]["seccomp"] = {{"defaultAction", "SCMP_ACT_ALLOW"},
                                      {"listenerPath", agent},
                                      {"listenerMetadata", "the cookie"},
                                      {"flags", {"SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"}},
                                      {"syscalls", json::array({{{"names", {"mkdir"}}, {"action", "SCMP_ACT_NOTIFY"}}})}};
    }

    sys::Child start_nb(std::vector<std::string> words)
    {
        words.insert(words.begin(), {"nb", "--root", state.string()});
        output = sys::open_file(directory / "output", O_RDWR | O_CREAT | O_TRUNC, 0600).value();
        return sys::spawn({.program = program(), .argv = std::move(words), .out = output.get(), .err = output.get()}).value();
    }

    /// What comes over the agent's socket: the state, and the listener.
    sys::Message receive_listener()
    {
        auto const connection = sys::accept_unix(listener.get()).value();
        sys::Message message{std::string(65536, '\0'), {}};
        iovec part{message.text.data(), message.text.size()};
        alignas(cmsghdr) char control[CMSG_SPACE(4 * sizeof(int))];
        msghdr header{};
        header.msg_iov = &part;
        header.msg_iovlen = 1;
        header.msg_control = control;
        header.msg_controllen = sizeof control;
        auto const count = ::recvmsg(connection->get(), &header, MSG_CMSG_CLOEXEC);
        message.text.resize(count > 0 ? static_cast<std::size_t>(count) : 0);
        if (const auto* const with = CMSG_FIRSTHDR(&header)) {
            EXPECT_EQ(with->cmsg_type, SCM_RIGHTS);
            EXPECT_EQ(with->cmsg_len, CMSG_LEN(sizeof(int)));
            message.fds.emplace_back(*reinterpret_cast<const int*>(CMSG_DATA(with)));
        }
        return message;
    }

    /// Answers one call with an errno.
    static void answer(const sys::UniqueFd& calls, int errnum)
    {
        struct seccomp_notif call {};
        ASSERT_EQ(::ioctl(calls.get(), SECCOMP_IOCTL_NOTIF_RECV, &call), 0);
        struct seccomp_notif_resp response {};
        response.id = call.id;
        response.error = -errnum;
        ASSERT_EQ(::ioctl(calls.get(), SECCOMP_IOCTL_NOTIF_SEND, &response), 0);
    }

    std::string said() const { return sys::read_file(directory / "output").value(); }

    std::string agent = (directory / "agent").string();
    sys::UniqueFd listener;
    sys::UniqueFd output;
};

TEST_F(SeccompOf, hands_its_calls_to_an_agent)
{
    shell("mkdir /tmp/x; echo done");
    config["annotations"] = {{"color", "blue"}};
    write_config();
    auto child = start_nb({"run", "--bundle", bundle.string(), id});
    auto const message = receive_listener();
    auto const state_text = json::parse(message.text);
    EXPECT_EQ(state_text["fds"], json::array({"seccompFd"}));
    EXPECT_EQ(state_text["metadata"], "the cookie");
    EXPECT_EQ(state_text["ociVersion"], config["ociVersion"]);
    EXPECT_EQ(state_text["state"]["id"], id);
    EXPECT_EQ(state_text["state"]["status"], "creating");
    EXPECT_EQ(state_text["state"]["annotations"]["color"], "blue");
    EXPECT_EQ(state_text["state"]["pid"], state_text["pid"]);
    EXPECT_TRUE(fs::exists("/proc/" + std::to_string(state_text["pid"].get<int>())));
    ASSERT_EQ(message.fds.size(), 1u);
    answer(message.fds.front(), EDQUOT);
    EXPECT_EQ(child.wait(base::Deadline::never()).value()->as_exit_code(), 0);
    EXPECT_EQ(said(), "mkdir: can't create directory '/tmp/x': Disk quota exceeded\ndone\n");
}

TEST_F(SeccompOf, tells_the_agent_of_each_start_and_exec)
{
    config["process"]["noNewPrivileges"] = false; // The filter comes before the change of user then.
    config["process"]["args"] = {"sleep", "100"};
    ASSERT_EQ(create(), 0);
    auto starting = start_nb({"start", id});
    auto const first = json::parse(receive_listener().text);
    EXPECT_EQ(first["state"]["status"], "created");
    EXPECT_EQ(starting.wait(base::Deadline::never()).value()->as_exit_code(), 0);
    auto running = start_nb({"exec", id, "mkdir", "/tmp/y"});
    auto const message = receive_listener();
    auto const second = json::parse(message.text);
    EXPECT_EQ(second["state"]["status"], "running");
    EXPECT_EQ(second["state"]["pid"], first["pid"]);
    EXPECT_NE(second["pid"], first["pid"]) << "the pid is that of the new process";
    answer(message.fds.front(), EDQUOT);
    EXPECT_EQ(running.wait(base::Deadline::never()).value()->as_exit_code(), 1);
    EXPECT_NE(said().find("Disk quota exceeded"), std::string::npos) << said();
}

TEST_F(SeccompOf, fails_where_no_agent_listens)
{
    listener.reset();
    for (int round = 0; round < 2; ++round) { // Of the second one the program is in the cache.
        auto const finished = run();
        EXPECT_EQ(finished.status.as_exit_code(), 1);
        EXPECT_NE(finished.err.find("linux.seccomp.listenerPath: "), std::string::npos) << finished.err;
        expect_nothing_left();
    }
}

TEST_F(SeccompOf, passes_a_listener_over_that_no_rule_asks_for)
{
    config["linux"]["seccomp"]["syscalls"][0]["action"] = "SCMP_ACT_ERRNO";
    shell("mkdir /tmp/x");
    EXPECT_NE(run().err.find("Operation not permitted"), std::string::npos);
}

TEST_F(SeccompOf, gives_an_agent_a_listener_that_no_rule_asks_for_and_does_without_the_agent)
{
    config["linux"]["seccomp"]["syscalls"][0]["action"] = "SCMP_ACT_ERRNO";
    shell("echo done");
    write_config();
    auto child = start_nb({"run", "--bundle", bundle.string(), id});
    EXPECT_EQ(receive_listener().fds.size(), 1u);
    EXPECT_EQ(child.wait(base::Deadline::never()).value()->as_exit_code(), 0);
    listener.reset();
    EXPECT_EQ(run().out, "done\n");
}

TEST_F(SeccompOf, names_what_is_wrong_with_a_profile)
{
    auto const good = config["linux"]["seccomp"];
    auto const with = [&](const char* pointer, json value) {
        auto copy = good;
        copy[json::json_pointer{pointer}] = std::move(value);
        return copy;
    };
    std::vector<std::pair<json, std::string>> const cases{
        {with("/defaultAction", "SCMP_ACT_NOTIFY"), "linux.seccomp.defaultAction: must not be SCMP_ACT_NOTIFY"},
        {with("/listenerPath", ""), "linux.seccomp.listenerMetadata: needs a listenerPath"},
        {with("/syscalls/0/names/0", "sendmsg"), "linux.seccomp.syscalls: SCMP_ACT_NOTIFY for sendmsg"},
        {with("/flags/0", "SECCOMP_X"), "linux.seccomp.flags: "},
        {with("/architectures", {"SCMP_ARCH_PDP11"}), "SCMP_ARCH_PDP11"},
        {with("/defaultAction", "SCMP_ACT_X"), "linux.seccomp: defaultAction: unknown seccomp action \"SCMP_ACT_X\""},
        {with("/syscalls/0/action", "SCMP_ACT_X"), "linux.seccomp: syscalls[0]: action: unknown seccomp action \"SCMP_ACT_X\""},
        {with("/syscalls/0/args", json::array({{{"index", 0}, {"value", 1}, {"op", "SCMP_CMP_X"}}})),
         "linux.seccomp: syscalls[0]: args: unknown seccomp operator \"SCMP_CMP_X\""},
        {with("/architectures", {"SCMP_ARCH_PDP11"}), "linux.seccomp: architectures: unknown"},
        {with("/syscalls/0/names/0", "mkdirr"), "linux.seccomp.syscalls[0].names: unknown system call \"mkdirr\""},
        {with("/syscalls/0/args", json::array({{{"index", 9}, {"value", 1}, {"op", "SCMP_CMP_EQ"}}})),
         "linux.seccomp.syscalls[0].args[0].index: must be 0 to 5"},
    };
    for (const auto& [profile, words] : cases) {
        config["linux"]["seccomp"] = profile;
        auto const finished = run();
        EXPECT_EQ(finished.status.as_exit_code(), 1) << words;
        EXPECT_NE(finished.err.find(words), std::string::npos) << words << " not in " << finished.err;
        expect_nothing_left();
    }
}

TEST_F(SeccompOf, takes_calls_that_it_does_not_know_where_the_rest_is_denied)
{
    config["linux"]["seccomp"] = {{"defaultAction", "SCMP_ACT_ALLOW"},
                                  {"syscalls", json::array({{{"names", {"newer_than_we"}}, {"action", "SCMP_ACT_ALLOW"}}})}};
    EXPECT_EQ(run().status.as_exit_code(), 0);
    config["linux"]["seccomp"]["defaultAction"] = "SCMP_ACT_KILL_PROCESS";
    EXPECT_EQ(run().status.as_exit_code(), 128 + 31); // SIGSYS: compiled and loaded.
}

/// All that busybox needs to start a program from awk, but for clone3, which that tries first.
constexpr std::string_view old_calls =
    "access arch_prctl brk chdir clone close dup dup2 dup3 execve exit exit_group faccessat fcntl fstat futex "
    "getcwd getegid geteuid getgid getpid getppid getrandom getuid ioctl kill lseek lstat mmap mprotect mremap "
    "munmap newfstatat open openat pipe pipe2 poll prctl prlimit64 pread64 read readlink readlinkat rseq "
    "rt_sigaction rt_sigprocmask rt_sigreturn set_robust_list set_tid_address sigaltstack stat sysinfo time tgkill "
    "umask uname vfork wait4 write writev getpgrp setpgid";

TEST_F(SeccompOf, lets_programs_do_without_calls_that_are_newer_than_the_profile)
{
    config["linux"]["seccomp"] = {
        {"defaultAction", "SCMP_ACT_ERRNO"},
        {"syscalls", json::array({{{"names", base::split(old_calls, ' ')}, {"action", "SCMP_ACT_ALLOW"}}})}};
    config["process"]["args"] = {"busybox", "awk", "BEGIN { if ((\"echo works\" | getline) > 0) print }"};
    EXPECT_EQ(run().out, "works\n");
    config["linux"]["seccomp"]["syscalls"].push_back({{"names", {"close_range"}}, {"action", "SCMP_ACT_ALLOW"}});
    EXPECT_EQ(run().out, "") << "a profile that is newer than clone3 means what it says";
}

/// Without an agent.
class Filtered : public ContainerTest {};

TEST_F(Filtered, is_denied_system_calls)
{
    config["linux"]["seccomp"] = {
        {"defaultAction", "SCMP_ACT_ALLOW"},
        {"syscalls", json::array({{{"names", {"mkdir", "mkdirat"}}, {"action", "SCMP_ACT_ERRNO"}, {"errnoRet", 28}}})}};
    shell("mkdir /dev/shm/x");
    for (int round = 0; round < 2; ++round) { // The second comes from the cache.
        auto const finished = run();
        EXPECT_NE(finished.err.find("No space left"), std::string::npos) << finished.err;
    }
    config["linux"]["seccomp"]["syscalls"][0]["errnoRet"] = 22;
    EXPECT_NE(run().err.find("Invalid argument"), std::string::npos) << "that of another profile";
}

TEST_F(Filtered, has_its_own_filter_where_others_are_known_and_named_alike)
{
    auto const profile = [](int errnum) {
        return json{{"defaultAction", "SCMP_ACT_ALLOW"},
                    {"syscalls", json::array({{{"names", {"mkdir"}}, {"action", "SCMP_ACT_ERRNO"}, {"errnoRet", errnum}}})}};
    };
    shell("mkdir /dev/shm/x");
    for (int const errnum : {28, 22}) {
        config["linux"]["seccomp"] = profile(errnum);
        EXPECT_NE(run().status.as_exit_code(), 0);
    }
    config["linux"]["seccomp"] = profile(28);
    config["zz"]["seccomp"] = profile(22); // A key that nobody knows, and that comes last.
    EXPECT_NE(run().err.find("No space left"), std::string::npos);
}

/// No profile at all, and so a program for this text comes from the cache or from nowhere.
TEST_F(Filtered, is_made_without_reading_a_profile_that_is_known)
{
    auto const profile = config["linux"]["seccomp"] = {{"defaultAction", 7}};
    shell("true");
    EXPECT_NE(run().err.find("linux.seccomp.defaultAction: must be a string"), std::string::npos);
    constexpr sock_filter allow{BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW};
    SeccompCache const cache{state / ".seccomp"};
    cache.keep(profile.dump(), {.code = {reinterpret_cast<const char*>(&allow), sizeof allow}});
    auto const finished = run();
    EXPECT_EQ(finished.status.as_exit_code(), 0) << finished.err;
}

} // namespace
} // namespace nova::runtime
