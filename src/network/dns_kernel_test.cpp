#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/stat.h>

#include "base/strings.h"
#include "network/dns.h"
#include "network/playground_testing.h"
#include "sys/file.h"
#include "sys/link.h"

namespace nova::network {

using testing::HasSubstr;
using testing::Not;

namespace {

/// Does what the supervisor does with service(): keeps one dnsmasq running.
class NamesAndLeases : public Playground {
protected:
    void serve(Networks& networks, const std::string& name)
    {
        auto const process = networks.service(name).value();
        ASSERT_TRUE(process);
        auto const said = log_text().size();
        auto const log = sys::open_file(root + "/dnsmasq.log", O_WRONLY | O_CREAT | O_APPEND, 0644).value();
        sys::ChildSpec child;
        child.program = process->argv.front();
        child.argv = process->argv;
        child.env = process->env;
        child.err = log.get();
        auto started = sys::spawn(child);
        ASSERT_TRUE(started.ok()) << started.error().message();
        dnsmasq.emplace(std::move(started).value());
        ASSERT_TRUE(eventually([&] { return log_text().find("read ", said) != std::string::npos; })) << log_text();
    }

    bool ended()
    {
        auto const status = dnsmasq->wait(base::Deadline::after(std::chrono::seconds{60}));
        return status.ok() && status.value().has_value();
    }

    std::string log_text() { return sys::read_file(root + "/dnsmasq.log").value_or(""); }

    /// A workload without an address of its own; asks for one like a machine does.
    std::string machine(Networks& networks, EndpointPlan plan)
    {
        plan.address.clear();
        plan.gateway.clear();
        auto const path = networks.ensure_capsule(plan);
        EXPECT_TRUE(path.ok()) << path.error().message();
        return path.value();
    }

    enum class Asks { until_it_gets_one, some_times };

    std::string lease(const std::string& netns, Asks asks = Asks::until_it_gets_one)
    {
        auto const script = root + "/lease.sh";
        EXPECT_TRUE(
            sys::write_file_atomically(script,
                                       "#!/bin/sh\n[ \"$1\" = bound ] || exit 0\n"
                                       "echo \"got $ip router=$router dns=$dns search=$search domain=$domain host=$hostname\"\n"
                                       "ip address add $ip/24 dev eth0\n",
                                       0755)
                .ok());
        return run_in(netns, {"busybox", "udhcpc", "-i", "eth0", "-n", "-q", "-f", "-t", asks == Asks::some_times ? "4" : "40",
                              "-T", "1", "-s", script});
    }

    std::string ask(const std::string& netns, const std::string& name, const std::string& server = "10.88.0.1")
    {
        return run_in(netns, {"busybox", "nslookup", name, server});
    }

    std::optional<sys::Child> dnsmasq;
};

Host host(const EndpointPlan& plan)
{
    return {plan.id.substr(plan.id.rfind('.') + 1), plan.address.substr(0, plan.address.find('/')), plan.mac};
}

} // namespace

TEST_F(NamesAndLeases, are_given_out_and_change_without_a_restart)
{
    auto const networks = open();
    auto lab = nat();
    auto const web = plug("web", lab, 11);
    auto const probe = plug("probe", lab, 12);
    lab.hosts = {host(web)};
    ASSERT_TRUE(networks->ensure_switch(lab).ok());
    ASSERT_NO_FATAL_FAILURE(serve(*networks, "lab"));
    auto const capsule = networks->ensure_capsule(web).value();
    auto const guest = machine(*networks, probe);

    EXPECT_THAT(ask(capsule, "web"), HasSubstr("10.88.0.11"));
    EXPECT_THAT(ask(capsule, "web.lab.nova.internal"), HasSubstr("10.88.0.11"));
    EXPECT_THAT(ask(capsule, "probe.lab.nova.internal"), Not(HasSubstr("10.88.0.12")));

    lab.hosts = {host(web), host(probe)};
    ASSERT_TRUE(networks->ensure_switch(lab).ok());
    auto const knows = [&](const std::string& netns, const std::string& name, const std::string& address) {
        return ask(netns, name).find(address) != std::string::npos;
    };
    EXPECT_TRUE(eventually([&] { return knows(capsule, "probe.lab.nova.internal", "10.88.0.12"); }));
    auto const got = lease(guest);
    EXPECT_THAT(got, HasSubstr("got 10.88.0.12 router=10.88.0.1 dns=10.88.0.1 search=lab.nova.internal domain=lab.nova.internal "
                               "host=probe"))
        << log_text();
    EXPECT_THAT(ask(guest, "web"), HasSubstr("10.88.0.11"));

    lab.hosts = {host(probe)};
    ASSERT_TRUE(networks->ensure_switch(lab).ok());
    EXPECT_TRUE(eventually([&] { return !knows(guest, "web.lab.nova.internal", "10.88.0.11"); }))
        << "a removed name is forgotten";
    EXPECT_FALSE(sys::has_ended(dnsmasq->pidfd()));
}

TEST_F(NamesAndLeases, go_to_unknown_machines_only_from_the_range)
{
    auto const networks = open();
    auto lab = nat();
    ASSERT_TRUE(networks->ensure_switch(lab).ok());
    ASSERT_NO_FATAL_FAILURE(serve(*networks, "lab"));
    auto const got = lease(machine(*networks, plug("guest", lab, 12)));
    EXPECT_THAT(got, testing::ContainsRegex("got 10\\.88\\.0\\.(1[0-9][0-9]|200) ")) << log_text();

    lab.dhcp_first.clear();
    lab.dhcp_last.clear();
    lab.profile = Profile::internal;
    auto const known = plug("known", lab, 13);
    lab.hosts = {host(known)};
    ASSERT_TRUE(networks->ensure_switch(lab).ok());
    EXPECT_TRUE(ended()) << "it must start with the new range";
    ASSERT_NO_FATAL_FAILURE(serve(*networks, "lab"));
    EXPECT_THAT(lease(machine(*networks, plug("stranger", lab, 14)), Asks::some_times), Not(HasSubstr("got")));
    EXPECT_THAT(lease(machine(*networks, known)), HasSubstr("got 10.88.0.13 router= dns=10.88.0.1"));
}

TEST_F(NamesAndLeases, are_back_after_the_bridge_was_made_anew)
{
    auto const networks = open();
    auto lab = nat();
    auto const probe = plug("probe", lab, 12);
    lab.hosts = {host(probe)};
    ASSERT_TRUE(networks->ensure_switch(lab).ok());
    ASSERT_NO_FATAL_FAILURE(serve(*networks, "lab"));
    auto const guest = machine(*networks, probe);

    run_in("", {"ip", "link", "del", lab.bridge});
    ASSERT_TRUE(networks->ensure_switch(lab).ok());
    EXPECT_TRUE(ended());
    ASSERT_NO_FATAL_FAILURE(serve(*networks, "lab"));
    EXPECT_THAT(lease(guest), HasSubstr("got 10.88.0.12")) << log_text();
    EXPECT_THAT(ask(guest, "probe"), HasSubstr("10.88.0.12"));
}

TEST_F(NamesAndLeases, of_two_switches_and_two_novas_do_not_mix)
{
    auto const first = open("0000aaaa");
    auto const second = open("0000bbbb");
    auto lab = nat();
    auto shop = nat("lab", "10.88.1");
    shop.bridge = "nv-shop";
    lab.hosts = {host(plug("web", lab, 11))};
    auto till = plug("till", shop, 11);
    shop.hosts = {host(till)};
    ASSERT_TRUE(first->ensure_switch(lab).ok());
    ASSERT_TRUE(second->ensure_switch(shop).ok());
    ASSERT_NO_FATAL_FAILURE(serve(*first, "lab"));
    auto const kept = std::move(dnsmasq);
    ASSERT_NO_FATAL_FAILURE(serve(*second, "lab"));
    auto const guest = machine(*second, till);

    EXPECT_THAT(lease(guest), HasSubstr("got 10.88.1.11")) << log_text();
    EXPECT_THAT(ask(guest, "till", "10.88.1.1"), HasSubstr("10.88.1.11"));
    EXPECT_THAT(ask(guest, "web.lab.nova.internal", "10.88.1.1"), Not(HasSubstr("10.88.0.11")));
}

TEST_F(NamesAndLeases, run_without_root_where_others_may_read)
{
    auto const networks = open();
    ASSERT_TRUE(networks->ensure_switch(nat()).ok());
    ASSERT_NO_FATAL_FAILURE(serve(*networks, "lab"));
    EXPECT_THAT(networks->service("lab").value()->argv, testing::Contains("--user=nobody"));
    auto const status = sys::read_file("/proc/" + std::to_string(dnsmasq->pid()) + "/status").value();
    EXPECT_THAT(status, HasSubstr("Uid:\t65534"));

    ASSERT_EQ(::chmod(root.c_str(), 0700), 0);
    EXPECT_THAT(networks->service("lab").value()->argv, testing::Contains("--user=root"));
}

} // namespace nova::network
