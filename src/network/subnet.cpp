#include "network/subnet.h"

#include <algorithm>
#include <optional>

#include "model/cidr.h"

namespace nova::network {

using base::Code;
using base::Error;

namespace {

constexpr auto first_second_byte = 88u;
constexpr auto last_second_byte = 127u;

/// nullopt: IPv6, or the default route, which leads everywhere and so collides with nothing.
std::optional<model::Subnet> narrow_subnet(const std::string& text)
{
    auto parsed = model::parse_subnet(text);
    if (!parsed.ok() || parsed.value().prefix == 0)
        return std::nullopt;
    return parsed.value();
}

} // namespace

Result<std::string> pick_subnet(const std::vector<std::string>& taken, const std::vector<std::string>& routes)
{
    std::vector<model::Subnet> used;
    for (const auto* list : {&taken, &routes})
        for (const auto& text : *list)
            if (auto const subnet = narrow_subnet(text))
                used.push_back(*subnet);
    for (auto second = first_second_byte; second <= last_second_byte; ++second)
        for (auto third = 0u; third <= 255u; ++third) {
            model::Subnet const candidate{{10u << 24 | second << 16 | third << 8}, 24};
            if (std::none_of(used.begin(), used.end(), [&](const auto& other) { return other.overlaps(candidate); }))
                return model::to_string(candidate);
        }
    return Error{Code::resource_exhausted, "no subnet from 10.88.0.0/24 to 10.127.255.0/24 is free: give one"};
}

Result<std::vector<std::string>> host_routes()
{
    auto netlink = TRY(sys::Netlink::open());
    std::vector<std::string> destinations;
    for (auto& route : TRY(sys::list_routes(netlink)))
        destinations.push_back(std::move(route.destination));
    return destinations;
}

Status check_routes(const std::string& subnet, const std::string& bridge, const std::vector<sys::Route>& routes,
                    const std::vector<sys::Link>& links)
{
    auto const wanted = TRY(model::parse_subnet(subnet));
    for (const auto& route : routes) {
        auto const there = narrow_subnet(route.destination);
        if (!there || !there->overlaps(wanted))
            continue;
        auto const link = std::find_if(links.begin(), links.end(), [&](const auto& other) { return other.index == route.index; });
        auto const name = link == links.end() ? std::string{"another table"} : link->name;
        if (name != bridge)
            return Error{Code::failed_precondition,
                         "subnet " + subnet + " is in use on this host: " + route.destination + " is reached by " + name};
    }
    return base::done();
}

} // namespace nova::network
