#include "runtime/wire_message.h"

namespace nova::runtime {

using base::Code;
using base::Error;
using base::Result;

namespace {

enum Form : unsigned { varint_form = 0, eight_bytes = 1, delimited = 2, four_bytes = 5 };

Error broken() { return Error{Code::data_loss, "a message is cut short or of an unknown form"}; }

Result<std::uint64_t> take_varint(std::string_view& rest)
{
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64 && !rest.empty(); shift += 7) {
        auto const byte = static_cast<unsigned char>(rest.front());
        rest.remove_prefix(1);
        value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
        if ((byte & 0x80) == 0)
            return value;
    }
    return broken();
}

Result<std::string_view> take_bytes(std::string_view& rest, std::uint64_t size)
{
    if (size > rest.size())
        return broken();
    auto const taken = rest.substr(0, size);
    rest.remove_prefix(size);
    return taken;
}

Result<WireField> take_field(std::string_view& rest)
{
    auto const key = TRY(take_varint(rest));
    WireField field;
    field.field = static_cast<unsigned>(key >> 3);
    switch (key & 7) {
    case varint_form: field.number = TRY(take_varint(rest)); return field;
    case eight_bytes: field.bytes = TRY(take_bytes(rest, 8)); return field;
    case four_bytes: field.bytes = TRY(take_bytes(rest, 4)); return field;
    case delimited: field.bytes = TRY(take_bytes(rest, TRY(take_varint(rest)))); return field;
    default: return broken();
    }
}

} // namespace

void WireMessage::varint(std::uint64_t value)
{
    for (; value >= 0x80; value >>= 7)
        bytes_ += static_cast<char>(value | 0x80);
    bytes_ += static_cast<char>(value);
}

WireMessage& WireMessage::number(unsigned field, std::uint64_t value)
{
    varint(std::uint64_t{field} << 3 | varint_form);
    varint(value);
    return *this;
}

WireMessage& WireMessage::text(unsigned field, std::string_view value)
{
    varint(std::uint64_t{field} << 3 | delimited);
    varint(value.size());
    bytes_ += value;
    return *this;
}

Result<std::vector<WireField>> parse_wire_message(std::string_view bytes)
{
    std::vector<WireField> fields;
    while (!bytes.empty())
        fields.push_back(TRY(take_field(bytes)));
    return fields;
}

} // namespace nova::runtime
