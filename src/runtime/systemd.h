#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "runtime/unit_property.h"
#include "sys/dbus.h"

namespace nova::runtime {

/// The unit in which a container runs, and the slice above it.
struct UnitName {
    std::string slice; ///< "system.slice"
    std::string unit;  ///< "nb-web.scope"; or a slice itself.

    bool operator==(const UnitName&) const = default;
};

/// Whose systemd: the machine's, or (for another user than root) the user's own.
enum class SystemdKind { system, user };

/// linux.cgroupsPath "SLICE:PREFIX:NAME"; empty: the default slice and "nb-ID.scope". A NAME that ends with ".slice" is that
/// slice. Errors: invalid_argument.
Result<UnitName> parse_unit_name(const std::string& cgroups_path, const std::string& id, SystemdKind kind);

/// systemd, over D-Bus: the bus, or where there is none systemd's own socket.
class Systemd {
public:
    /// Errors: unavailable - there is no systemd here; it says what to do then.
    static Result<Systemd> connect(SystemdKind kind);

    /// Makes the unit around a process, and waits until it is there. One that failed earlier makes room.
    /// Errors: already_exists; as systemd says.
    Status start_unit(const UnitName& name, pid_t first, std::vector<UnitProperty> properties);

    /// Where its cgroup lies: "/system.slice/nb-web.scope".
    Result<std::string> cgroup_of(const std::string& unit);

    /// Until the unit ends or the machine does. Its cgroup has all of the unit's limits as systemd sees them then.
    Status set_properties(const std::string& unit, std::vector<UnitProperty> properties);

    /// Ends all in it. Accepts absence.
    Status stop_unit(const std::string& unit);

private:
    explicit Systemd(sys::Bus bus) : bus_(std::move(bus)) {}
    Result<sys::BusMessage> call(const std::string& member, const std::string& signature, const sys::BusWriter& body);
    Status await_job(const sys::BusMessage& answer);
    Result<std::string> text_property(const std::string& path, const std::string& interface, const std::string& name);
    Result<int> version();
    Result<std::vector<UnitProperty>> known(std::vector<UnitProperty> properties);

    sys::Bus bus_;
};

} // namespace nova::runtime
