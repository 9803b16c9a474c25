#include "runtime/systemd.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>

#include "base/strings.h"

namespace nova::runtime {

using base::Code;
using base::Deadline;
using base::done;
using base::Error;

namespace {

constexpr auto answer_deadline = std::chrono::seconds{30};
constexpr auto systemd_name = "org.freedesktop.systemd1";
constexpr auto systemd_path = "/org/freedesktop/systemd1";
constexpr auto manager_interface = "org.freedesktop.systemd1.Manager";
constexpr auto properties_interface = "org.freedesktop.DBus.Properties";

Deadline soon() { return Deadline::after(answer_deadline); }

/// The characters that systemd allows in the name of a unit; longer ones than 255 it refuses itself.
bool is_unit_text(const std::string& text)
{
    return std::all_of(text.begin(), text.end(), [](unsigned char letter) {
        return std::isalnum(letter) || std::string_view{":-_.\\@"}.find(static_cast<char>(letter)) != std::string_view::npos;
    });
}

/// "unix:path=/run/user/1000/bus,guid=…"; the first part of the list that we can use. Empty: none.
std::string path_in_address(const char* variable)
{
    const char* const text = std::getenv(variable);
    constexpr std::string_view prefix = "unix:path=";
    for (const auto& address : base::split(text ? text : "", ';'))
        if (address.starts_with(prefix))
            return address.substr(prefix.size(), address.find(',') - prefix.size());
    return {};
}

struct Place {
    std::string path;
    sys::BusPeer peer;
};

std::vector<Place> system_places()
{
    std::vector<Place> places;
    if (auto const given = path_in_address("DBUS_SYSTEM_BUS_ADDRESS"); !given.empty())
        places.push_back({given, sys::BusPeer::broker});
    else
        places.push_back({"/run/dbus/system_bus_socket", sys::BusPeer::broker});
    places.push_back({"/run/systemd/private", sys::BusPeer::service});
    return places;
}

std::vector<Place> user_places()
{
    std::vector<Place> places;
    const char* const variable = std::getenv("XDG_RUNTIME_DIR");
    std::string const directory = variable ? variable : "/run/user/" + std::to_string(::geteuid());
    if (auto const given = path_in_address("DBUS_SESSION_BUS_ADDRESS"); !given.empty())
        places.push_back({given, sys::BusPeer::broker});
    else
        places.push_back({directory + "/bus", sys::BusPeer::broker});
    places.push_back({directory + "/systemd/private", sys::BusPeer::service});
    return places;
}

} // namespace

Result<UnitName> parse_unit_name(const std::string& cgroups_path, const std::string& id, SystemdKind kind)
{
    std::string const own_slice = kind == SystemdKind::system ? "system.slice" : "user.slice";
    auto parts = cgroups_path.empty() ? std::vector<std::string>{"", "nb", id} : base::split(cgroups_path, ':');
    if (parts.size() != 3 || parts[2].empty())
        return Error{Code::invalid_argument,
                     "linux.cgroupsPath: with systemd it must be SLICE:PREFIX:NAME, is \"" + cgroups_path.substr(0, 200) + "\""};
    if (parts[0].empty())
        parts[0] = own_slice;
    for (const auto& part : parts)
        if (!is_unit_text(part))
            return Error{Code::invalid_argument,
                         "linux.cgroupsPath: \"" + part.substr(0, 80) + "\" can't be part of a unit's name"};
    if (!parts[0].ends_with(".slice"))
        return Error{Code::invalid_argument, "linux.cgroupsPath: \"" + parts[0].substr(0, 80) + "\" must end with .slice"};
    if (parts[2].ends_with(".slice"))
        return UnitName{parts[0], parts[2]};
    return UnitName{parts[0], (parts[1].empty() ? "" : parts[1] + "-") + parts[2] + ".scope"};
}

Result<Systemd> Systemd::connect(SystemdKind kind)
{
    std::string tried;
    for (const auto& place : kind == SystemdKind::system ? system_places() : user_places()) {
        auto bus = sys::Bus::connect(place.path, place.peer, soon());
        if (bus.ok())
            return Systemd{std::move(bus).value()};
        tried += (tried.empty() ? "" : "; ") + bus.error().message();
    }
    return Error{Code::unavailable, "no systemd answers (" + tried + "): use --cgroup-manager cgroupfs where there is none"};
}

Result<sys::BusMessage> Systemd::call(const std::string& member, const std::string& signature, const sys::BusWriter& body)
{
    return bus_.call({systemd_name, systemd_path, manager_interface, member, signature, body.bytes()}, soon()).context("systemd");
}

/// JobRemoved tells (number, job, unit, result).
Status Systemd::await_job(const sys::BusMessage& answer)
{
    auto const job = TRY(sys::BusReader{answer.body}.text());
    std::string result;
    auto const is_ours = [&](const sys::BusMessage& signal) {
        if (signal.member != "JobRemoved" || signal.signature != "uoss")
            return false;
        sys::BusReader reader{signal.body};
        if (!reader.number32().ok() || reader.text().value_or({}) != job || !reader.text().ok())
            return false;
        result = reader.text().value_or({});
        return true;
    };
    TRY(bus_.wait_for_signal(is_ours, soon()).context("systemd: wait for " + job));
    if (result != "done")
        return Error{Code::failed_precondition, "systemd: the job ended with \"" + result + "\""};
    return done();
}

Result<std::string> Systemd::text_property(const std::string& path, const std::string& interface, const std::string& name)
{
    sys::BusWriter question;
    question.text(interface);
    question.text(name);
    auto const answer =
        TRY(bus_.call({systemd_name, path, properties_interface, "Get", "ss", question.bytes()}, soon()).context("systemd"));
    sys::BusReader reader{answer.body};
    if (TRY(reader.signature()) != "s")
        return Error{Code::internal, "systemd: " + name + " of " + path + " is no text"};
    return reader.text();
}

/// "252.39-1~deb12u1", "v255.4-1-arch".
Result<int> Systemd::version()
{
    auto const text = TRY(text_property(systemd_path, manager_interface, "Version"));
    auto const first = text.find_first_of("0123456789");
    auto const digits = text.substr(std::min(first, text.size()));
    return static_cast<int>(TRY(base::parse_integer(digits.substr(0, digits.find_first_not_of("0123456789")), 1, 100000)));
}

/// Without those that a systemd as old as this one refuses.
Result<std::vector<UnitProperty>> Systemd::known(std::vector<UnitProperty> properties)
{
    constexpr int first_with_idle = 252;
    auto const idle = std::find(properties.begin(), properties.end(), idle_weight());
    if (idle != properties.end() && TRY(version()) < first_with_idle)
        properties.erase(idle);
    return properties;
}

Status Systemd::start_unit(const UnitName& name, pid_t first, std::vector<UnitProperty> properties)
{
    TRY(call("Subscribe", "", {}));
    TRY(bus_.subscribe(std::string{"type='signal',sender='"} + systemd_name + "',interface='" + manager_interface +
                           "',member='JobRemoved'",
                       soon()));
    bool const is_slice = name.unit.ends_with(".slice");
    if (is_slice)
        properties.push_back({"Wants", std::vector<std::string>{name.slice}});
    else {
        properties.push_back({"Slice", name.slice});
        properties.push_back({"PIDs", std::vector<std::uint32_t>{static_cast<std::uint32_t>(first)}});
        properties.push_back({"Delegate", true}); // What lies below is ours to arrange.
    }
    sys::BusWriter body;
    body.text(name.unit);
    body.text("replace");
    write_properties(body, TRY(known(std::move(properties))));
    auto const none = body.begin_array(8); // Auxiliary units.
    body.end_array(none);
    auto started = call("StartTransientUnit", "ssa(sv)a(sa(sv))", body);
    if (failed_with(started, Code::already_exists)) { // Perhaps what is left of one that failed.
        sys::BusWriter left;
        left.text(name.unit);
        TRY(call("ResetFailedUnit", "s", left));
        started = call("StartTransientUnit", "ssa(sv)a(sa(sv))", body);
    }
    return await_job(TRY(std::move(started)));
}

Result<std::string> Systemd::cgroup_of(const std::string& unit)
{
    sys::BusWriter name;
    name.text(unit);
    auto const found = TRY(call("GetUnit", "s", name));
    auto const path = TRY(sys::BusReader{found.body}.text());
    auto const* const interface = unit.ends_with(".slice") ? "org.freedesktop.systemd1.Slice" : "org.freedesktop.systemd1.Scope";
    auto cgroup = TRY(text_property(path, interface, "ControlGroup"));
    if (cgroup.empty() || cgroup.front() != '/' || cgroup.find("..") != std::string::npos)
        return Error{Code::failed_precondition, "systemd: " + unit + " has no cgroup"};
    return cgroup;
}

Status Systemd::set_properties(const std::string& unit, std::vector<UnitProperty> properties)
{
    properties = TRY(known(std::move(properties)));
    if (properties.empty())
        return done();
    sys::BusWriter body;
    body.text(unit);
    body.boolean(true); // For as long as it runs.
    write_properties(body, properties);
    TRY(call("SetUnitProperties", "sba(sv)", body));
    TRY(cgroup_of(unit)); // It answers before it acts, and acts before it answers again.
    return done();
}

Status Systemd::stop_unit(const std::string& unit)
{
    TRY(call("Subscribe", "", {}));
    TRY(bus_.subscribe(std::string{"type='signal',sender='"} + systemd_name + "',interface='" + manager_interface +
                           "',member='JobRemoved'",
                       soon()));
    sys::BusWriter body;
    body.text(unit);
    body.text("replace");
    auto const stopped = call("StopUnit", "ss", body);
    if (failed_with(stopped, Code::not_found))
        return done(); // It ended with its last process.
    TRY(await_job(TRY(Result<sys::BusMessage>{stopped})));
    sys::BusWriter name;
    name.text(unit);
    (void)call("ResetFailedUnit", "s", name); // It is gone already, unless it failed.
    return done();
}

} // namespace nova::runtime
