#include "model/oci_field.h"

#include <charconv>
#include <limits>

namespace nova::model::oci {

using base::Code;
using base::Error;
using Kind = JsonValue::Kind;

std::string Field::path() const
{
    if (!parent_)
        return {};
    auto const before = parent_->path();
    if (index_ != no_index)
        return before + "[" + std::to_string(index_) + "]";
    return before + (before.empty() ? "" : ".") + std::string{value_.key()};
}

Error Field::wrong(std::string_view what) const
{
    auto const where = path();
    return Error{Code::invalid_argument, (where.empty() ? "the whole text" : where) + ": must be " + std::string{what}};
}

Error Field::wrong_member(std::string_view name, std::string_view what) const
{
    auto const member = find(name);
    return member ? member->wrong(what) : wrong(what);
}

Error Field::missing(std::string_view name) const
{
    auto const before = path();
    return Error{Code::invalid_argument, before + (before.empty() ? "" : ".") + std::string{name} + ": is missing"};
}

std::optional<Field> Field::find(std::string_view name) const
{
    std::optional<Field> found;
    if (!value_.has_children())
        return found;
    for (auto child = value_.first();; child = child.next()) {
        if (child.key() == name) {
            found.reset();
            if (child.kind() != Kind::null)
                found.emplace(*this, child);
        }
        if (!child.has_next())
            return found;
    }
}

Status expect(const Field& field, Kind kind)
{
    if (field.kind() == kind)
        return base::done();
    switch (kind) {
    case Kind::object: return field.wrong("an object");
    case Kind::array: return field.wrong("a list");
    case Kind::string: return field.wrong("a string");
    case Kind::number: return field.wrong("a number");
    case Kind::boolean: return field.wrong("true or false");
    case Kind::null: return field.wrong("null");
    }
    return base::done();
}

Status read(const Field& field, bool& out)
{
    TRY(expect(field, Kind::boolean));
    out = field.value().text() == "true";
    return base::done();
}

Status read(const Field& field, std::string& out)
{
    TRY(expect(field, Kind::string));
    out = field.value().text();
    if (out.find('\0') != std::string::npos)
        return field.wrong("without NUL");
    return base::done();
}

namespace {

/// Also takes whole numbers that some writers put as "1e3" or "1024.0".
template <typename T>
Status read_number(const Field& field, T& out)
{
    TRY(expect(field, Kind::number));
    auto const text = field.value().text();
    auto const [end, problem] = std::from_chars(text.data(), text.data() + text.size(), out);
    if (problem == std::errc{} && end == text.data() + text.size())
        return base::done();
    if (text.find_first_of(".eE") != std::string_view::npos) {
        double number = 0;
        auto const parsed = std::from_chars(text.data(), text.data() + text.size(), number);
        if (parsed.ec == std::errc{} && number > -9e15 && number < 9e15 &&
            static_cast<double>(static_cast<std::int64_t>(number)) == number) {
            auto const whole = static_cast<std::int64_t>(number);
            if (std::in_range<T>(whole)) {
                out = static_cast<T>(whole);
                return base::done();
            }
        }
    }
    return field.wrong("a whole number from " + std::to_string(std::numeric_limits<T>::min()) + " to " +
                       std::to_string(std::numeric_limits<T>::max()) + ", is " + std::string{text.substr(0, 40)});
}

} // namespace

Status read(const Field& field, std::uint64_t& out) { return read_number(field, out); }

Status read(const Field& field, std::int64_t& out) { return read_number(field, out); }

Status read(const Field& field, std::uint32_t& out) { return read_number(field, out); }

Status read(const Field& field, std::int32_t& out) { return read_number(field, out); }

Status read(const Field& field, std::uint16_t& out) { return read_number(field, out); }

} // namespace nova::model::oci
