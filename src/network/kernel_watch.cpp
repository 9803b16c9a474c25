#include "network/kernel_watch.h"

#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include "base/log.h"
#include "network/rules.h"
#include "sys/unix_socket.h"

namespace nova::network {
namespace {

constexpr std::chrono::milliseconds least_pause{100};
constexpr auto switches = "";

/// Attribute 1 of every message about something in a table is the table's name, whatever the attribute is called there.
constexpr std::uint16_t name_of_table = NFTA_TABLE_NAME;
static_assert(NFTA_CHAIN_TABLE == name_of_table && NFTA_RULE_TABLE == name_of_table && NFTA_SET_TABLE == name_of_table &&
              NFTA_SET_ELEM_LIST_TABLE == name_of_table);

bool is_about_table(const sys::NetlinkAnswer& message, const std::string& table)
{
    if ((message.type & 0xff) == NFT_MSG_NEWGEN)
        return false; // Its attribute 1 is a number.
    for (const auto& attribute : message.attributes<nfgenmsg>())
        if (attribute.type == name_of_table)
            return attribute.text() == table;
    return false;
}

} // namespace

KernelWatch::KernelWatch(std::string instance, Tell tell, sys::NetlinkEvents links, sys::NetlinkEvents rules, sys::Loop loop)
    : instance_(std::move(instance)),
      tell_(std::move(tell)),
      links_(std::move(links)),
      rules_(std::move(rules)),
      loop_(std::move(loop))
{}

Result<std::unique_ptr<KernelWatch>> KernelWatch::start(const std::string& instance, Tell tell)
{
    auto links = TRY(sys::NetlinkEvents::open(sys::NetlinkEvents::About::links).context("watch links"));
    auto rules = TRY(sys::NetlinkEvents::open(sys::NetlinkEvents::About::firewall).context("watch firewall rules"));
    auto loop = TRY(sys::Loop::open().context("watch links"));
    std::unique_ptr<KernelWatch> watch{
        new KernelWatch{instance, std::move(tell), std::move(links), std::move(rules), std::move(loop)}};
    TRY(watch->begin().context("watch links"));
    return watch;
}

KernelWatch::~KernelWatch() { stop_.first.reset(); }

Status KernelWatch::begin()
{
    stop_ = TRY(sys::socket_pair(sys::SocketKind::stream));
    link_watch_ = TRY(loop_.watch(links_.fd(), sys::Interest::read, [this](sys::Ready) { hear_links(); }));
    rule_watch_ = TRY(loop_.watch(rules_.fd(), sys::Interest::read, [this](sys::Ready) { hear_rules(); }));
    stop_watch_ = TRY(loop_.watch(stop_.second.get(), sys::Interest::read, [this](sys::Ready) { stopped_ = true; }));
    TRY(look());
    thread_ = std::jthread{[this] { run(); }};
    return base::done();
}

/// Which links are ours now.
Status KernelWatch::look()
{
    auto netlink = TRY(sys::Netlink::open());
    known_.clear();
    for (const auto& link : TRY(sys::list_links(netlink)))
        if (auto const mark = parse_mark(instance_, link.alias))
            known_[link.index] = {link.name, *mark};
    return base::done();
}

void KernelWatch::run()
{
    while (!stopped_) {
        for (const auto& one : std::exchange(disturbed_, {}))
            tell_(one);
        rest();
        if (stopped_ || !disturbed_.empty()) // An overflow is told even while it rests.
            continue;
        if (auto const ran = loop_.run_once(base::Deadline::never()); !ran.ok()) {
            base::log_error("watch links and firewall rules: " + ran.error().message());
            return;
        }
    }
}

/// What comes meanwhile waits in the sockets, and is told together.
void KernelWatch::rest()
{
    auto const end = base::Deadline::after(least_pause);
    for (auto* watch : {&link_watch_, &rule_watch_})
        watch->want(sys::Interest::nothing);
    while (!stopped_ && !end.passed() && loop_.run_once(end).ok()) {
    }
    for (auto* watch : {&link_watch_, &rule_watch_})
        watch->want(sys::Interest::read);
}

void KernelWatch::hear_links()
{
    auto const heard = links_.take([this](const sys::NetlinkAnswer& message) {
        switch (message.type) {
        case RTM_NEWLINK:
        case RTM_DELLINK: heard_link(message); break;
        case RTM_DELADDR: heard_address(message); break;
        default: break;
        }
    });
    if (heard.ok() && heard.value() == sys::NetlinkEvents::Heard::all)
        return;
    if (auto const looked = look(); !looked.ok())
        base::log_warning("watch links: " + looked.error().message());
    for (const auto& [index, known] : known_)
        note(known);
    disturbed_.insert(switches);
}

void KernelWatch::hear_rules()
{
    auto const heard = rules_.take([this, table = table_name(instance_)](const sys::NetlinkAnswer& message) {
        if (is_about_table(message, table))
            disturbed_.insert(switches);
    });
    if (!heard.ok() || heard.value() == sys::NetlinkEvents::Heard::some_lost)
        disturbed_.insert(switches);
}

void KernelWatch::note(const Known& known)
{
    disturbed_.insert(known.mark.kind == Mark::Kind::port ? known.mark.name : switches);
}

void KernelWatch::heard_link(const sys::NetlinkAnswer& message)
{
    auto const head = message.header<ifinfomsg>();
    if (!head.ok())
        return;
    if (head.value().ifi_family == AF_BRIDGE)
        return heard_bridge_port(message);
    auto const link = sys::read_link(message);
    if (!link.ok())
        return;
    auto const known = known_.find(link.value().index);
    auto const mark = message.type == RTM_DELLINK ? std::nullopt : parse_mark(instance_, link.value().alias);
    bool const taken = known != known_.end() && (!mark || known->second.name != link.value().name);
    bool const down = mark && mark->kind == Mark::Kind::bridge && !link.value().up;
    if (taken)
        note(known->second);
    if (down)
        disturbed_.insert(switches);
    if (mark)
        known_[link.value().index] = {link.value().name, *mark};
    else if (known != known_.end())
        known_.erase(known);
}

/// A link left its bridge.
void KernelWatch::heard_bridge_port(const sys::NetlinkAnswer& message)
{
    auto const head = message.header<ifinfomsg>();
    if (message.type == RTM_DELLINK && head.ok() && known_.contains(head.value().ifi_index))
        disturbed_.insert(switches);
}

void KernelWatch::heard_address(const sys::NetlinkAnswer& message)
{
    auto const head = message.header<ifaddrmsg>();
    if (head.ok() && known_.contains(static_cast<int>(head.value().ifa_index)))
        disturbed_.insert(switches);
}

} // namespace nova::network
