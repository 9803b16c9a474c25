#include "network/endpoint.h"

#include <nlohmann/json.hpp>

#include <chrono>
#include <cstdio>
#include <optional>

#include "network/mark.h"
#include "sys/file.h"
#include "sys/link.h"
#include "sys/netns.h"
#include "sys/sysctl.h"

namespace nova::network {

using base::Code;
using base::Error;
using nlohmann::json;

namespace {

constexpr auto inside_name = "eth0";
constexpr auto carrier_patience = std::chrono::milliseconds{200};

/// The two sides of a veth: where we come from, and the capsule's namespace, which the process is in from then on.
struct Sides {
    sys::Netlink outside;
    sys::Netlink inside;
    sys::UniqueFd netns;
};

Result<Sides> open_sides(const std::string& path)
{
    auto outside = TRY(sys::Netlink::open());
    auto pinned = sys::open_pinned_netns(path);
    if (pinned.ok()) {
        TRY(sys::enter_netns(pinned.value().get()));
        auto inside = TRY(sys::Netlink::open());
        return Sides{std::move(outside), std::move(inside), std::move(pinned).value()};
    }
    TRY(sys::enter_new_netns());
    auto own = TRY(sys::open_own_netns());
    TRY(sys::pin_netns(own.get(), path));
    auto inside = TRY(sys::Netlink::open());
    return Sides{std::move(outside), std::move(inside), std::move(own)};
}

Status accept_missing(Status status) { return base::failed_with(status, Code::not_found) ? base::done() : std::move(status); }

/// What the neighbours announce must not send the capsule a way that nobody planned. (IPv6 has no addresses yet.) In `default`
/// for the links to come; in `all`, which weighs as much.
Status ignore_announcements()
{
    for (const auto* setting :
         {"ipv4/conf/all/accept_redirects", "ipv4/conf/default/accept_redirects", "ipv6/conf/all/accept_redirects",
          "ipv6/conf/default/accept_redirects", "ipv6/conf/all/accept_ra", "ipv6/conf/default/accept_ra"})
        TRY(accept_missing(sys::ensure_sysctl(std::string{"net/"} + setting, "0")));
    return base::done();
}

/// The host's end, if it is whole. Only the other end of this very pair will do as `eth0`.
Result<std::optional<sys::Link>> find_pair(Sides& sides, const EndpointRequest& request)
{
    auto link = TRY(sys::find_link(sides.outside, request.plan.link));
    if (!link)
        return link;
    auto const mark = parse_mark(request.instance, link->alias);
    if (!mark || mark->kind != Mark::Kind::port || mark->name != request.plan.id)
        return Error{Code::already_exists, "link " + request.plan.link + " belongs to somebody else"};
    auto const inside = TRY(sys::find_link(sides.inside, inside_name));
    if (link->kind == "veth" && inside && inside->peer == link->index && link->peer == inside->index)
        return link;
    TRY(sys::remove_link(sides.outside, link->index));
    return std::optional<sys::Link>{};
}

Result<sys::Link> ensure_pair(Sides& sides, const EndpointRequest& request)
{
    if (auto const there = TRY(find_pair(sides, request)))
        return *there;
    auto const& plan = request.plan;
    TRY(sys::create_veth(sides.outside,
                         {plan.link, unfinished_port_mark(request.instance, plan), inside_name, plan.mac, sides.netns.get(), 0}));
    return sys::get_link(sides.outside, plan.link);
}

Status ensure_inside(sys::Netlink& inside, const EndpointPlan& plan)
{
    auto const loopback = TRY(sys::get_link(inside, "lo"));
    TRY(sys::set_link_up(inside, loopback.index, true));
    auto const link = TRY(sys::get_link(inside, inside_name));
    if (!plan.mac.empty() && link.mac != plan.mac)
        TRY(sys::set_link_mac(inside, link.index, plan.mac));
    for (const auto& address : TRY(sys::list_addresses(inside)))
        if (address.index == link.index && address.text != plan.address && address.text.find(':') == std::string::npos)
            TRY(sys::remove_address(inside, link.index, address.text));
    if (!plan.address.empty())
        TRY(sys::ensure_address(inside, link.index, plan.address));
    TRY(sys::set_link_up(inside, link.index, true));
    if (!plan.gateway.empty())
        TRY(sys::ensure_route(inside, link.index, "0.0.0.0/0", plan.gateway));
    return base::done();
}

} // namespace

std::string print_request(const EndpointRequest& request)
{
    auto const& plan = request.plan;
    return json{{"id", plan.id},
                {"bridge", plan.bridge},
                {"link", plan.link},
                {"mac", plan.mac},
                {"address", plan.address},
                {"gateway", plan.gateway},
                {"instance", request.instance},
                {"netns", request.netns}}
        .dump();
}

Result<EndpointRequest> parse_request(const std::string& text)
{
    try {
        auto const document = json::parse(text);
        auto const get = [&](const char* key) { return document.at(key).get<std::string>(); };
        return EndpointRequest{
            {get("id"), get("bridge"), get("link"), get("mac"), get("address"), get("gateway")}, get("instance"), get("netns")};
    } catch (const json::exception& problem) {
        return Error{Code::invalid_argument, problem.what()};
    }
}

Status make_endpoint(const EndpointRequest& request)
{
    auto const& plan = request.plan;
    auto sides = TRY(open_sides(request.netns));
    TRY(ignore_announcements());
    auto const bridge = TRY(sys::get_link(sides.outside, plan.bridge));
    auto const link = TRY(ensure_pair(sides, request));
    TRY(ensure_inside(sides.inside, plan).context("inside"));
    TRY(sys::disable_link_ipv6(sides.outside, link.index));
    if (link.master != bridge.index)
        TRY(sys::set_link_master(sides.outside, link.index, bridge.index));
    TRY(sys::set_link_up(sides.outside, link.index, true));
    TRY(sys::await_carrying(sides.outside, plan.link, carrier_patience));
    TRY(sys::await_carrying(sides.outside, plan.bridge, carrier_patience));
    TRY(sys::await_carrying(sides.inside, inside_name, carrier_patience));
    return sys::set_link_alias(sides.outside, link.index, port_mark(request.instance, plan)); // Last: all of it is done.
}

int endpoint_main()
{
    auto const text = sys::read_all(0, 64u << 10);
    auto const done = text.ok() ? parse_request(text.value()) : Result<EndpointRequest>{text.error()};
    auto const status = done.ok() ? make_endpoint(done.value()) : Status{done.error()};
    if (status.ok())
        return 0;
    std::fprintf(stderr, "%s\n", status.error().message().c_str());
    return 1;
}

} // namespace nova::network
