#include "runtime/landlock.h"

#include <fcntl.h>

#include "sys/file.h"
#include "sys/landlock.h"

namespace nova::runtime {

using base::Code;
using base::done;
using base::Error;
using base::Result;
using base::Status;
namespace oci = model::oci;

namespace {

using Parse = Result<std::uint64_t> (*)(std::string_view);
constexpr std::string_view place = "process.landlock";

Result<std::uint64_t> bits_of(const std::vector<std::string>& names, Parse parse, const std::string& field)
{
    std::uint64_t bits = 0;
    for (std::size_t i = 0; i < names.size(); ++i)
        bits |= TRY(parse(names[i]).context(std::string{place} + "." + field + "[" + std::to_string(i) + "]"));
    return bits;
}

Result<sys::LandlockRights> handled_by(const oci::Landlock& landlock)
{
    sys::LandlockRights rights;
    rights.files = TRY(bits_of(landlock.handled_access_fs, sys::parse_landlock_file_right, "ruleset.handledAccessFS"));
    rights.network = TRY(bits_of(landlock.handled_access_net, sys::parse_landlock_network_right, "ruleset.handledAccessNet"));
    rights.scopes = TRY(bits_of(landlock.scoped, sys::parse_landlock_scope, "ruleset.scoped"));
    return rights;
}

sys::LandlockRights common(const sys::LandlockRights& left, const sys::LandlockRights& right)
{
    return {left.files & right.files, left.network & right.network, left.scopes & right.scopes};
}

/// A right that is allowed but never denied is a slip of whoever wrote it: all of its kind would be allowed.
template <typename Rule>
Status check_rules(const std::vector<Rule>& rules, Parse parse, std::uint64_t handled, const std::string& name)
{
    for (std::size_t i = 0; i < rules.size(); ++i) {
        auto const field = "rules." + name + "[" + std::to_string(i) + "].allowedAccess";
        auto const allowed = TRY(bits_of(rules[i].allowed_access, parse, field));
        if ((allowed & ~handled) != 0)
            return Error{Code::invalid_argument, std::string{place} + "." + field + ": allows what the ruleset does not handle"};
    }
    return done();
}

Status allow_paths(const sys::LandlockRules& rules, const oci::LandlockPathRule& rule, std::uint64_t handled)
{
    auto const allowed = TRY(bits_of(rule.allowed_access, sys::parse_landlock_file_right, "rules.pathBeneath")) & handled;
    for (const auto& path : rule.paths) {
        auto const found = sys::open_file(path, O_PATH);
        if (failed_with(found, Code::not_found))
            continue;
        if (!found.ok())
            return Error{found.error()};
        TRY(rules.allow_beneath(found.value().get(), allowed).context(path));
    }
    return done();
}

Status allow_ports(const sys::LandlockRules& rules, const oci::LandlockPortRule& rule, std::uint64_t handled)
{
    auto const allowed = TRY(bits_of(rule.allowed_access, sys::parse_landlock_network_right, "rules.netPort")) & handled;
    for (auto const port : rule.ports)
        TRY(rules.allow_port(port, allowed));
    return done();
}

} // namespace

Status check_landlock(const oci::Landlock& landlock, std::vector<std::string>& warnings)
{
    auto const wanted = TRY(handled_by(landlock));
    TRY(check_rules(landlock.path_beneath, sys::parse_landlock_file_right, wanted.files, "pathBeneath"));
    TRY(check_rules(landlock.net_port, sys::parse_landlock_network_right, wanted.network, "netPort"));
    if (common(wanted, sys::known_landlock_rights()) == wanted)
        return done();
    auto const problem = std::string{place} + ": this kernel does not know all of it";
    if (landlock.disable_best_effort)
        return Error{Code::unimplemented, problem};
    warnings.push_back(problem + "; what it does not know is left out");
    return done();
}

Status apply_landlock(const oci::Landlock& landlock)
{
    auto const handled = common(TRY(handled_by(landlock)), sys::known_landlock_rights());
    if (handled.none())
        return done();
    auto const rules = TRY(sys::LandlockRules::create(handled).context(place));
    for (const auto& rule : landlock.path_beneath)
        TRY(allow_paths(rules, rule, handled.files).context(place));
    for (const auto& rule : landlock.net_port)
        TRY(allow_ports(rules, rule, handled.network).context(place));
    return rules.restrict_self().context(place);
}

} // namespace nova::runtime
