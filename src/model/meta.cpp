#include "base/strings.h"
#include "model/description.h"

namespace nova::model {
namespace {

/// A revision is a string in JSON, since clients must not count with it.
const ValueType& revision_type()
{
    static ValueType const type{"string",
                                [](void* owner, const json& input, Problems& problems) {
                                    auto const text = input.is_string() ? input.get<std::string>() : std::string{"?"};
                                    auto const number = base::parse_integer(text.empty() ? "0" : text, 0, INT64_MAX);
                                    if (!number.ok())
                                        return problems.add("must be a whole number in a string");
                                    static_cast<Meta*>(owner)->revision = static_cast<std::uint64_t>(number.value());
                                },
                                [](const void* owner) {
                                    auto const revision = static_cast<const Meta*>(owner)->revision;
                                    return revision == 0 ? json{} : json(std::to_string(revision));
                                },
                                nullptr};
    return type;
}

bool is_label_text(std::string_view text)
{
    constexpr std::string_view letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    if (text.empty())
        return true;
    return text.size() <= 63 && letters.find(text.front()) != std::string_view::npos &&
           letters.find(text.back()) != std::string_view::npos &&
           text.find_first_not_of(std::string{letters} + "-_.") == std::string_view::npos;
}

bool is_qualified_name(std::string_view key)
{
    auto const slash = key.find('/');
    auto const name = slash == std::string_view::npos ? key : key.substr(slash + 1);
    return !name.empty() && is_label_text(name) &&
           (slash == std::string_view::npos || base::is_dns_subdomain(key.substr(0, slash)));
}

void check_meta(const Meta& meta, Problems& problems)
{
    for (const auto& [key, value] : meta.labels) {
        auto const step = problems.inside("labels[" + key + "]");
        if (!is_qualified_name(key))
            problems.add("the key must be a name of at most 63 letters, digits, '-', '_', '.', with a DNS prefix and '/' in "
                         "front if need be");
        if (!is_label_text(value))
            problems.add("must be at most 63 letters, digits, '-', '_', '.', with a letter or digit at both ends");
    }
    std::size_t size = 0;
    for (const auto& [key, value] : meta.annotations) {
        size += key.size() + value.size();
        if (!is_qualified_name(key))
            problems.add_at("annotations[" + key + "]", "the key must be a name of at most 63 letters, digits, '-', '_', '.', "
                                                        "with a DNS prefix and '/' in front if need be");
    }
    if (size > 256 * 1024)
        problems.add_at("annotations", "must be at most 256Ki in all");
}

} // namespace

const Description& describe(const Meta*)
{
    static auto const description = describe_as<Meta>(
        {
            field("name", &Meta::name, "Unique within its kind and namespace.")
                .required()
                .must_be(dns_subdomain())
                .column("NAME"),
            field("namespace", &Meta::space, "The namespace it lies in.").must_be(dns_label()),
            field("uid", &Meta::uid, "Given at creation, never reused."),
            special("resourceVersion", revision_type(), "The revision at which it was last written."),
            field("generation", &Meta::generation, "Grows whenever spec changes."),
            field("creationTimestamp", &Meta::created, "When it was made.").must_be(rfc3339_time()).column("AGE", 0, "date"),
            field("deletionTimestamp", &Meta::deleted, "When its removal was asked for.").must_be(rfc3339_time()),
            field("finalizers", &Meta::finalizers, "Who must clean up before it goes."),
            field("labels", &Meta::labels, "Short words to select by."),
            field("annotations", &Meta::annotations, "Longer notes of tools."),
            accepted("deletionGracePeriodSeconds", ""),
            accepted("managedFields", ""),
            accepted("selfLink", ""),
        },
        check_meta);
    return description;
}

const Description& describe(const Condition*)
{
    static auto const description = describe_as<Condition>({
        field("type", &Condition::type, "What is stated: Ready.").required(),
        field("status", &Condition::status, "Whether it holds.").required().one_of({"True", "False", "Unknown"}),
        field("reason", &Condition::reason, "Why, in one CamelCase word."),
        field("message", &Condition::message, "Why, in a sentence."),
        field("lastTransitionTime", &Condition::changed, "When status last changed.").must_be(rfc3339_time()),
        accepted("lastProbeTime", ""),
        accepted("lastHeartbeatTime", ""),
        accepted("observedGeneration", ""),
    });
    return description;
}

} // namespace nova::model
