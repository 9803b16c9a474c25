#include "network/rules.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/strings.h"
#include "model/cidr.h"

namespace nova::network {

using nlohmann::json;

namespace {

json match(json left, json right, const char* op = "==")
{
    return {{"match", {{"op", op}, {"left", std::move(left)}, {"right", std::move(right)}}}};
}

json field(const char* protocol, const char* name) { return {{"payload", {{"protocol", protocol}, {"field", name}}}}; }

json set_of(json elements) { return {{"set", std::move(elements)}}; }

json prefix_of(const std::string& subnet)
{
    auto const parsed = model::parse_subnet(subnet).value(); // check_plan has seen it.
    return {{"prefix", {{"addr", model::to_string(parsed.network())}, {"len", parsed.prefix}}}};
}

json from(json links) { return match({{"meta", {{"key", "iifname"}}}}, std::move(links)); }
json to(json links) { return match({{"meta", {{"key", "oifname"}}}}, std::move(links)); }
json not_to(const std::string& link) { return match({{"meta", {{"key", "oifname"}}}}, link, "!="); }
json connection(json states) { return match({{"ct", {{"key", "state"}}}}, std::move(states), "in"); }
json redirected() { return match({{"ct", {{"key", "status"}}}}, "dnat", "in"); }
json is_local(const char* which) { return match({{"fib", {{"result", "type"}, {"flags", json::array({which})}}}}, "local"); }

const json accept{{"accept", nullptr}};
const json drop{{"drop", nullptr}};
const json masquerade{{"masquerade", nullptr}};

/// Collects the commands of one table.
class Table {
public:
    explicit Table(std::string name) : name_(std::move(name))
    {
        // Adding it first makes removing it right in every case; the kernel sees only the sum.
        json const table{{"table", {{"family", "inet"}, {"name", name_}}}};
        commands_.push_back({{"add", table}});
        commands_.push_back({{"delete", table}});
        commands_.push_back({{"add", table}});
    }

    void chain(const std::string& chain, const char* type, const char* hook, int priority)
    {
        add("chain", {{"name", chain}, {"type", type}, {"hook", hook}, {"prio", priority}, {"policy", "accept"}});
    }

    void rule(const std::string& chain, std::vector<json> expressions)
    {
        add("rule", {{"chain", chain}, {"expr", json(std::move(expressions))}});
        ++rules_;
    }

    RuleSet finish()
    {
        add("chain", {{"name", "stamp"}});
        RuleSet done;
        auto const hash = base::stable_hash(json(commands_).dump());
        done.stamp = "plan " + base::to_hex(hash, 16) + " rules " + std::to_string(rules_ + 1);
        add("rule", {{"chain", "stamp"}, {"expr", json::array({{{"return", nullptr}}})}, {"comment", done.stamp}});
        done.commands = json{{"nftables", commands_}}.dump();
        return done;
    }

private:
    void add(const char* kind, json object)
    {
        object["family"] = "inet";
        object["table"] = name_;
        commands_.push_back({{"add", {{kind, std::move(object)}}}});
    }

    std::string name_;
    json commands_ = json::array();
    int rules_ = 0;
};

/// Names of the bridges, and their subnets, that rules speak of together.
struct Groups {
    json bridges = json::array();
    json subnets = json::array();
};

Groups group(const std::vector<SwitchPlan>& plans)
{
    Groups groups;
    for (const auto& plan : plans) {
        groups.bridges.push_back(plan.bridge);
        groups.subnets.push_back(prefix_of(plan.subnet));
    }
    return groups;
}

void guard_source(Table& table, const std::vector<SwitchPlan>& plans, const Groups& groups)
{
    json const loopback = prefix_of("127.0.0.0/8");
    table.chain("guard", "filter", "prerouting", -300); // Before connections are looked up and addresses changed.
    table.rule("guard", {from(set_of(groups.bridges)), match(field("ip", "daddr"), loopback), drop});
    for (const auto& plan : plans) // 0.0.0.0 asks for an address.
        table.rule("guard",
                   {from(plan.bridge), match(field("ip", "saddr"), set_of({prefix_of(plan.subnet), "0.0.0.0"}), "!="), drop});
}

void filter_input(Table& table, const std::vector<SwitchPlan>& plans, const Groups& groups)
{
    auto const& chain = "input";
    table.chain(chain, "filter", "input", 0);
    table.rule(chain, {from(set_of(groups.bridges)), connection({"established", "related"}), accept});
    for (const auto& plan : plans) {
        // The gateways of other switches are addresses of this host as well: they belong to those behind them.
        table.rule(chain, {from(plan.bridge), match(field("ip", "daddr"), prefix_of(plan.subnet), "!="),
                           match(field("ip", "daddr"), set_of(groups.subnets)), drop});
        if (plan.profile != Profile::internal)
            continue;
        table.rule(chain, {from(plan.bridge), match(field("udp", "dport"), set_of({53, 67})), accept});
        table.rule(chain, {from(plan.bridge), match(field("tcp", "dport"), 53), accept});
        table.rule(chain, {from(plan.bridge), match(field("icmp", "type"), "echo-request"), accept});
        table.rule(chain, {from(plan.bridge), drop});
    }
}

void allow_published(Table& table, const SwitchPlan& plan)
{
    for (const auto& port : plan.ports)
        table.rule("forward", {to(plan.bridge), redirected(), match(field("ip", "daddr"), port.address),
                               match(field(port.protocol.c_str(), "dport"), port.port), accept});
}

void allow_out(Table& table, const SwitchPlan& plan)
{
    std::vector<json> rule{from(plan.bridge), match(field("ip", "saddr"), prefix_of(plan.subnet))};
    if (!plan.uplink.empty())
        rule.push_back(to(plan.uplink));
    rule.push_back(accept);
    table.rule("forward", std::move(rule));
}

/// When two on one switch talk by way of this host's address, it would tell both of the shorter way, which knows nothing of the
/// changed addresses.
void filter_output(Table& table, const Groups& groups)
{
    table.chain("output", "filter", "output", 0);
    table.rule("output", {to(set_of(groups.bridges)), match(field("icmp", "type"), "redirect"), drop});
}

void filter_forward(Table& table, const std::vector<SwitchPlan>& plans, const Groups& groups)
{
    auto const& chain = "forward";
    json const ours = set_of(groups.bridges);
    table.chain(chain, "filter", "forward", 0);
    // What stays on one switch comes here only by hairpin, or where bridges are made to call the firewall (br_netfilter).
    for (const auto& plan : plans)
        table.rule(chain, {from(plan.bridge), to(plan.bridge), accept});
    table.rule(chain, {to(ours), connection({"established", "related"}), accept});
    table.rule(chain, {from(ours), connection({"established", "related"}), accept});
    table.rule(chain, {from(ours), connection("invalid"), drop});
    for (const auto& plan : plans)
        if (plan.profile == Profile::internal)
            table.rule(chain, {from(plan.bridge), drop});
    for (const auto& plan : plans)
        allow_published(table, plan);
    table.rule(chain, {to(ours), drop});
    for (const auto& plan : plans)
        if (plan.profile == Profile::nat)
            allow_out(table, plan);
    table.rule(chain, {from(ours), drop});
}

void redirect(Table& table, const char* chain, const PublishedPort& port)
{
    auto const any = port.host_ip.empty() || port.host_ip == "0.0.0.0";
    json const target{{"dnat", {{"family", "ip"}, {"addr", port.address}, {"port", port.port}}}};
    table.rule(chain, {any ? is_local("daddr") : match(field("ip", "daddr"), port.host_ip),
                       match(field(port.protocol.c_str(), "dport"), port.host_port), target});
}

void translate(Table& table, const std::vector<SwitchPlan>& plans)
{
    table.chain("published", "nat", "prerouting", -100);
    table.chain("published-here", "nat", "output", -100);
    table.chain("masquerade", "nat", "postrouting", 100);
    for (const auto& plan : plans) {
        for (const auto& port : plan.ports) {
            redirect(table, "published", port);
            redirect(table, "published-here", port);
        }
        auto const inside = match(field("ip", "saddr"), prefix_of(plan.subnet));
        if (!plan.ports.empty()) {
            // The answer must come back through us: to a neighbour on the same switch, and to this host's other addresses.
            table.rule("masquerade", {to(plan.bridge), inside, redirected(), masquerade});
            table.rule("masquerade", {to(plan.bridge), is_local("saddr"), redirected(), masquerade});
        }
        if (plan.profile == Profile::nat)
            table.rule("masquerade", {inside, plan.uplink.empty() ? not_to(plan.bridge) : to(plan.uplink), masquerade});
    }
}

} // namespace

std::string table_name(const std::string& instance) { return "nova_" + instance; }

RuleSet plan_rules(const std::string& instance, std::vector<SwitchPlan> plans)
{
    std::erase_if(plans, [](const SwitchPlan& plan) { return plan.profile == Profile::external; }); // The outer network's own.
    if (plans.empty())
        return {};
    std::sort(plans.begin(), plans.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
    auto const groups = group(plans);
    Table table{table_name(instance)};
    guard_source(table, plans, groups);
    filter_input(table, plans, groups);
    filter_output(table, groups);
    filter_forward(table, plans, groups);
    translate(table, plans);
    return table.finish();
}

std::string find_stamp(const std::string& listing)
{
    auto const document = json::parse(listing, nullptr, false);
    if (!document.is_object() || !document.contains("nftables"))
        return {};
    std::string stamp;
    int rules = 0;
    for (const auto& object : document["nftables"]) {
        if (!object.is_object() || !object.contains("rule"))
            continue;
        ++rules;
        auto const& rule = object["rule"];
        if (rule.value("chain", "") == "stamp")
            stamp = rule.value("comment", "");
    }
    // Somebody may have taken single rules out and left the stamp.
    return stamp.ends_with(" rules " + std::to_string(rules)) ? stamp : std::string{};
}

} // namespace nova::network
