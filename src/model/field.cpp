#include "base/link_name.h"
#include "base/strings.h"
#include "model/bounds.h"
#include "model/cidr.h"
#include "model/description.h"

namespace nova::model {
namespace {

bool looks_like_time(const std::string& text)
{
    constexpr std::string_view shape = "dddd-dd-ddTdd:dd:dd";
    if (text.size() < shape.size() + 1 || text.size() > 40)
        return false;
    for (std::size_t i = 0; i < shape.size(); ++i) {
        auto const digit = text[i] >= '0' && text[i] <= '9';
        if (shape[i] == 'd' ? !digit : text[i] != shape[i])
            return false;
    }
    return text.find_first_not_of("0123456789.:+-Z", shape.size()) == std::string::npos;
}

/// Of a size as its type prints it: null is none.
base::Bytes printed_size(const json& value)
{
    return value.is_string() ? base::parse_bytes(value.get_ref<const std::string&>()).value_or({}) : base::Bytes{};
}

} // namespace

Field make_field(std::string name, const ValueType& type, std::function<void*(void*)> at, std::string doc)
{
    Field field;
    field.name = std::move(name);
    field.type = &type;
    field.at = std::move(at);
    field.doc = std::move(doc);
    return field;
}

Field group(std::string name, std::string doc, std::vector<Field> fields)
{
    Field field;
    field.name = std::move(name);
    field.doc = std::move(doc);
    field.group = std::move(fields);
    return field;
}

Field special(std::string name, const ValueType& type, std::string doc)
{
    return make_field(
        std::move(name), type, [](void* owner) { return owner; }, std::move(doc));
}

Field accepted(std::string name, std::string doc, std::vector<std::string> choices)
{
    Field field;
    field.name = std::move(name);
    field.doc = std::move(doc);
    return choices.empty() ? field : std::move(field).one_of(std::move(choices));
}

Field Field::required() &&
{
    is_required = true;
    return std::move(*this);
}

Field Field::always() &&
{
    is_always_printed = true;
    return std::move(*this);
}

Field Field::in(std::string what) &&
{
    unit = std::move(what);
    return std::move(*this);
}

Field Field::must_be(Rule rule) &&
{
    rules.push_back(std::move(rule));
    return std::move(*this);
}

Field Field::one_of(std::vector<std::string> choices) &&
{
    auto const words = base::join(choices, ", ");
    auto problem = [choices, words](const json& value) -> std::string {
        if (value.is_string() && std::find(choices.begin(), choices.end(), value.get_ref<const std::string&>()) != choices.end())
            return {};
        auto const text = value.is_string() ? value.get<std::string>().substr(0, 80) : std::string{};
        return "must be one of " + words + (value.is_string() ? ", is \"" + text + "\"" + did_you_mean(text, choices) : "");
    };
    rules.push_back({"one of " + words, std::move(problem), std::move(choices)});
    return std::move(*this);
}

Field Field::between(std::int64_t least, std::int64_t most) &&
{
    auto const span = std::to_string(least) + " to " + std::to_string(most);
    auto problem = [=](const json& value) -> std::string {
        if (value.is_null() || (value.is_number_unsigned() && value.get<std::uint64_t>() > static_cast<std::uint64_t>(most)) ||
            value.get<std::int64_t>() < least || value.get<std::int64_t>() > most)
            return "must be " + span + ", is " + value.dump();
        return {};
    };
    rules.push_back({span, std::move(problem), {}});
    return std::move(*this);
}

Field Field::at_least(base::Bytes least) &&
{
    auto problem = [least](const json& value) -> std::string {
        auto const size = printed_size(value);
        return size >= least ? "" : "must be at least " + base::to_string(least) + ", is " + base::to_string(size);
    };
    rules.push_back({"at least " + base::to_string(least), std::move(problem), {}});
    return std::move(*this);
}

Field Field::at_most(base::Bytes most) &&
{
    auto problem = [most](const json& value) -> std::string {
        auto const size = printed_size(value);
        return size <= most ? "" : "must be at most " + base::to_string(most) + ", is " + base::to_string(size);
    };
    rules.push_back({"at most " + base::to_string(most), std::move(problem), {}});
    return std::move(*this);
}

Field Field::column(std::string title, int priority, std::string column_type) &&
{
    shown = Column{};
    shown->name = std::move(title);
    shown->priority = priority;
    shown->type = std::move(column_type);
    return std::move(*this);
}

Rule string_rule(std::string doc, std::function<bool(const std::string&)> holds)
{
    auto problem = [doc, holds](const json& value) -> std::string {
        if (!value.is_string() || value.get_ref<const std::string&>().empty() || holds(value.get_ref<const std::string&>()))
            return {};
        return "must be " + doc + ", is \"" + value.get<std::string>().substr(0, 80) + "\"";
    };
    return {std::move(doc), std::move(problem), {}};
}

Rule absolute_path()
{
    return string_rule("an absolute path", [](const std::string& path) { return path.front() == '/' && path.size() < 4096; });
}

Rule dns_label()
{
    return string_rule("a DNS label (a-z, 0-9 and '-', at most 63 characters)",
                       [](const std::string& name) { return base::is_dns_label(name); });
}

Rule dns_subdomain()
{
    return string_rule("DNS labels (a-z, 0-9 and '-') with dots between them",
                       [](const std::string& name) { return base::is_dns_subdomain(name); });
}

Rule link_name()
{
    return string_rule("the name of a link (1 to 15 characters of ASCII, no '/', ':', '%', quote or space)",
                       [](const std::string& name) { return base::is_link_name(name); });
}

Rule no_kernel_link()
{
    return string_rule("another link than lo, all and default, which are the kernel's own",
                       [](const std::string& name) { return !base::is_reserved_link_name(name); });
}

Rule ipv4_address()
{
    return string_rule("an IPv4 address", [](const std::string& address) { return parse_ipv4(address).ok(); });
}

Rule cpu_share()
{
    auto const doc = "10m to " + std::to_string(most_cpus);
    auto problem = [doc](const json& value) -> std::string {
        auto const text = value.is_string() ? value.get<std::string>() : std::string{};
        auto const thousandths = text.ends_with('m') ? base::parse_integer(text.substr(0, text.size() - 1), 0, INT64_MAX)
                                                     : base::parse_integer(text + "000", 0, INT64_MAX);
        auto const fits = thousandths.ok() && thousandths.value() >= 10 && thousandths.value() <= most_cpus * 1000;
        return fits ? std::string{} : "must be " + doc + ", is " + text;
    };
    return {doc, std::move(problem), {}};
}

Rule rfc3339_time() { return string_rule("a time as in RFC 3339", looks_like_time); }

} // namespace nova::model
