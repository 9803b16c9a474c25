#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/socket.h>

#include <nlohmann/json.hpp>
#include <thread>

#include "base/strings.h"
#include "network/endpoint.h"
#include "network/playground_testing.h"
#include "sys/file.h"
#include "sys/link.h"
#include "sys/netns.h"
#include "sys/nftables.h"
#include "sys/random.h"

int main(int argc, char** argv)
{
    if (argc > 1 && std::string{argv[1]} == "endpoint") // So the tests need no nb.
        return nova::network::endpoint_main();
    testing::InitGoogleTest(&argc, argv);
    return RUN_ALL_TESTS();
}

namespace nova::network {

namespace {

/// Does something in another namespace and comes back.
template <typename Do>
auto inside(const std::string& netns, Do&& what)
{
    auto const here = sys::open_own_netns().value();
    if (!netns.empty()) {
        EXPECT_TRUE(sys::enter_netns(sys::open_pinned_netns(netns).value().get()).ok());
    }
    auto result = what();
    EXPECT_TRUE(sys::enter_netns(here.get()).ok());
    return result;
}

sockaddr_in to_sockaddr(const std::string& address, int port)
{
    sockaddr_in where{};
    where.sin_family = AF_INET;
    where.sin_port = htons(static_cast<std::uint16_t>(port));
    ::inet_pton(AF_INET, address.c_str(), &where.sin_addr);
    return where;
}

constexpr auto patience_ms = 30'000; ///< With what must come: packets that were lost at first are sent again after seconds.
constexpr auto refusal_ms = 700;

} // namespace

void Playground::SetUp()
{
    if (::geteuid() != 0 || ::unshare(CLONE_NEWNET | CLONE_NEWNS) != 0)
        GTEST_SKIP() << "needs root to make namespaces";
    ASSERT_EQ(::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr), 0);
    root = "/tmp/nova-network-" + sys::random_hex(8);
    ASSERT_TRUE(sys::make_directories(root).ok());
    home = sys::open_own_netns().value();
    program = sys::open_file("/proc/self/exe", O_RDONLY).value();
    auto netlink = sys::Netlink::open().value();
    ASSERT_TRUE(sys::set_link_up(netlink, 1, true).ok());
}

void Playground::TearDown() { EXPECT_TRUE(remove_all().ok()); }

base::Status Playground::remove_all() const
{
    if (root.empty())
        return base::done();
    for (const auto& directory : {"/neighbours", "/0000aaaa/run/netns", "/0000bbbb/run/netns"})
        for (const auto& name : sys::list_directory(root + directory).value_or({}))
            (void)sys::unpin_netns(root + directory + "/" + name);
    return sys::remove_tree(root);
}

Options Playground::options_of(const std::string& instance) const
{
    auto const base = root + "/" + instance;
    return {instance, base + "/networks", base + "/run", program.get()};
}

std::unique_ptr<Networks> Playground::open(const std::string& instance) { return open_networks(options_of(instance)).value(); }

SwitchPlan Playground::nat(const std::string& name, const std::string& subnet_start)
{
    SwitchPlan plan;
    plan.name = name;
    plan.bridge = "nv-" + name;
    plan.subnet = subnet_start + ".0/24";
    plan.gateway = subnet_start + ".1";
    plan.dhcp_first = subnet_start + ".100";
    plan.dhcp_last = subnet_start + ".200";
    return plan;
}

EndpointPlan Playground::plug(const std::string& name, const SwitchPlan& on, int host)
{
    auto const start = on.gateway.substr(0, on.gateway.rfind('.') + 1);
    return {"pod.default." + name,
            on.bridge,
            "ve-" + name,
            "52:54:00:00:00:" + base::to_hex(static_cast<unsigned>(host), 2),
            start + std::to_string(host) + "/24",
            on.gateway};
}

std::string Playground::make_neighbour(const std::string& link, const std::string& subnet_start)
{
    auto const path = root + "/neighbours/" + link;
    EXPECT_TRUE(sys::make_directories(root + "/neighbours").ok());
    EXPECT_TRUE(sys::enter_new_netns().ok());
    auto const there = sys::open_own_netns().value();
    EXPECT_TRUE(sys::pin_netns(there.get(), path).ok());
    auto far = sys::Netlink::open().value();
    EXPECT_TRUE(sys::enter_netns(home.get()).ok());
    auto near = sys::Netlink::open().value();
    EXPECT_TRUE(sys::create_veth(near, {link, "", "wan0", "", there.get(), 0}).ok());
    auto const here = sys::get_link(near, link).value().index;
    EXPECT_TRUE(sys::disable_link_ipv6(near, here).ok()); // Its address would come only after a while, in the midst of a test.
    EXPECT_TRUE(sys::ensure_address(near, here, subnet_start + ".1/24").ok());
    EXPECT_TRUE(sys::set_link_up(near, here, true).ok());
    auto const other = sys::get_link(far, "wan0").value().index;
    EXPECT_TRUE(sys::ensure_address(far, other, subnet_start + ".2/24").ok());
    EXPECT_TRUE(sys::set_link_up(far, other, true).ok());
    return path;
}

sys::UniqueFd Playground::listen(const std::string& netns, int port)
{
    return inside(netns, [&] {
        sys::UniqueFd socket{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
        auto const where = to_sockaddr("0.0.0.0", port);
        EXPECT_EQ(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&where), sizeof where), 0) << std::strerror(errno);
        EXPECT_EQ(::listen(socket.get(), 16), 0);
        return socket;
    });
}

std::string Playground::reach(const std::string& netns, const sys::UniqueFd& listener, const std::string& address, int port)
{
    return reach_within(patience_ms, netns, listener, address, port);
}

bool Playground::is_out_of_reach(const std::string& netns, const sys::UniqueFd& listener, const std::string& address, int port)
{
    return reach_within(refusal_ms, netns, listener, address, port).empty();
}

std::string Playground::reach_within(int most_ms, const std::string& netns, const sys::UniqueFd& listener,
                                     const std::string& address, int port)
{
    sys::UniqueFd const client{inside(netns, [] { return ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0); })};
    auto const where = to_sockaddr(address, port);
    ::connect(client.get(), reinterpret_cast<const sockaddr*>(&where), sizeof where);
    pollfd waiting{listener.get(), POLLIN, 0};
    if (::poll(&waiting, 1, most_ms) != 1)
        return {};
    sockaddr_in peer{};
    socklen_t size = sizeof peer;
    sys::UniqueFd const accepted{::accept(listener.get(), reinterpret_cast<sockaddr*>(&peer), &size)};
    pollfd connected{client.get(), POLLOUT, 0};
    if (::poll(&connected, 1, most_ms) != 1 || (connected.revents & (POLLERR | POLLHUP)) != 0)
        return {};
    std::array<char, INET_ADDRSTRLEN> text{};
    return ::inet_ntop(AF_INET, &peer.sin_addr, text.data(), text.size());
}

std::string Playground::run_in(const std::string& netns, const std::vector<std::string>& argv)
{
    return inside(netns, [&]() -> std::string {
        sys::RunSpec run;
        run.child.program = sys::find_program(argv.front()).value();
        run.child.argv = argv;
        run.deadline = base::Deadline::after(std::chrono::seconds{60});
        auto const finished = sys::run_child(run);
        return finished.ok() ? finished.value().out + finished.value().err : finished.error().message();
    });
}

namespace {

/// Leaves out what differs although nothing has changed.
void strip(nlohmann::json& value)
{
    if (value.is_object())
        for (const auto* key : {"handle", "packets", "bytes"})
            value.erase(key);
    if (value.is_structured())
        for (auto& inner : value)
            strip(inner);
}

std::string dump_here()
{
    auto netlink = sys::Netlink::open().value();
    std::string text;
    auto const links = sys::list_links(netlink).value();
    auto const addresses = sys::list_addresses(netlink).value();
    auto const routes = sys::list_routes(netlink).value();
    for (const auto& link : links)
        text += base::join({"link", link.name, link.alias, link.kind, std::to_string(link.master), link.up ? "up" : "down"}, " ")
                    .append("\n");
    for (const auto& address : addresses)
        text += "address " + address.text + "\n";
    for (const auto& route : routes)
        text += "route " + route.destination + " " + route.gateway + "\n";
    auto rules = nlohmann::json::parse(sys::run_nftables(R"({"nftables":[{"list":{"ruleset":null}}]})").value());
    strip(rules);
    for (const auto& object : rules["nftables"])
        text += object.dump() + "\n";
    return text;
}

} // namespace

std::string Playground::dump(const std::string& netns) { return inside(netns, dump_here); }

namespace {

sys::UniqueFd open_group(int protocol, const std::vector<int>& groups)
{
    sys::UniqueFd socket{::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol)};
    sockaddr_nl self{};
    self.nl_family = AF_NETLINK;
    EXPECT_EQ(::bind(socket.get(), reinterpret_cast<sockaddr*>(&self), sizeof self), 0);
    for (auto const group : groups)
        EXPECT_EQ(::setsockopt(socket.get(), SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof group), 0);
    return socket;
}

} // namespace

ChangeListener::ChangeListener()
    : route_(open_group(NETLINK_ROUTE, {RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_IFADDR})),
      rules_(open_group(NETLINK_NETFILTER, {NFNLGRP_NFTABLES}))
{}

int ChangeListener::count()
{
    int messages = 0;
    std::array<char, 65536> buffer{};
    for (auto const* socket : {&route_, &rules_})
        while (::recv(socket->get(), buffer.data(), buffer.size(), 0) > 0)
            ++messages;
    return messages;
}

void ChangeListener::settle()
{
    do // It looks at links once a second, and later on a busy machine.
        std::this_thread::sleep_for(std::chrono::milliseconds{1500});
    while (count() != 0);
}

bool eventually(const std::function<bool()>& holds)
{
    auto const deadline = base::Deadline::after(std::chrono::seconds{30});
    while (!holds()) {
        if (deadline.passed())
            return false;
        std::this_thread::sleep_for(std::chrono::milliseconds{10});
    }
    return true;
}

} // namespace nova::network
