#include "model/kernel_file.h"

#include <elf.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>

namespace nova::model {
namespace {

constexpr std::size_t head_bytes = 8192;       // As far as multiboot's header may stand.
constexpr std::size_t most_headers = 256;      // Of an ELF's program headers; a kernel has five.
constexpr std::size_t most_note_bytes = 65536; // Of one of its notes' segments; a kernel has some 500.
constexpr std::uint32_t pvh_entry = 18;        // XEN_ELFNOTE_PHYS32_ENTRY

constexpr auto no_kernel = "is no kernel: neither a Linux bzImage, nor an ELF with a PVH entry, nor a multiboot kernel";

/// Little-endian numbers of a foreign text.
class Bytes {
public:
    explicit Bytes(std::string text) : text_(std::move(text)) {}

    template <typename Value>
    std::optional<Value> at(std::size_t place) const
    {
        if (place > text_.size() || text_.size() - place < sizeof(Value))
            return std::nullopt;
        Value value;
        std::memcpy(&value, text_.data() + place, sizeof value);
        return value;
    }
    bool has(std::size_t place, std::string_view words) const
    {
        return place <= text_.size() && std::string_view{text_}.substr(place).starts_with(words);
    }
    std::size_t size() const { return text_.size(); }

private:
    std::string text_;
};

/// What is there of so many bytes.
Bytes read_bytes(std::ifstream& file, std::uint64_t place, std::size_t count)
{
    std::string text(count, '\0');
    file.clear();
    file.seekg(static_cast<std::streamoff>(place));
    file.read(text.data(), static_cast<std::streamsize>(count));
    text.resize(static_cast<std::size_t>(std::max<std::streamsize>(file.gcount(), 0)));
    return Bytes{std::move(text)};
}

/// The fields are those of the x86 boot protocol, Documentation/arch/x86/boot.rst.
bool is_bzimage(const Bytes& head) { return head.at<std::uint16_t>(0x1fe) == 0xaa55 && head.has(0x202, "HdrS"); }

std::string find_bzimage_fault(const Bytes& head, std::uint64_t size)
{
    auto const version = head.at<std::uint16_t>(0x206).value_or(0);
    auto sectors = std::uint64_t{head.at<std::uint8_t>(0x1f1).value_or(0)};
    if (sectors == 0)
        sectors = 4; // As it was before the field.
    auto const paragraphs =
        version >= 0x204 ? head.at<std::uint32_t>(0x1f4).value_or(0) : head.at<std::uint16_t>(0x1f4).value_or(0);
    auto const whole = (sectors + 1) * 512 + std::uint64_t{paragraphs} * 16;
    if (size >= whole)
        return {};
    return "is a kernel that was cut short: it has " + std::to_string(size) + " of " + std::to_string(whole) + " bytes";
}

bool has_pvh_note(const Bytes& notes)
{
    auto const padded = [](std::uint32_t size) { return (std::size_t{size} + 3) & ~std::size_t{3}; };
    for (std::size_t place = 0; place < notes.size();) {
        auto const note = notes.at<Elf64_Nhdr>(place);
        if (!note)
            return false;
        if (note->n_type == pvh_entry && note->n_namesz == 4 && notes.has(place + sizeof *note, std::string_view{"Xen\0", 4}))
            return true;
        place += sizeof *note + padded(note->n_namesz) + padded(note->n_descsz);
    }
    return false;
}

bool has_pvh_entry(std::ifstream& file, const Elf64_Ehdr& elf)
{
    if (elf.e_phentsize != sizeof(Elf64_Phdr))
        return false;
    auto const headers = read_bytes(file, elf.e_phoff, std::min<std::size_t>(elf.e_phnum, most_headers) * sizeof(Elf64_Phdr));
    for (std::size_t i = 0; i < elf.e_phnum; ++i) {
        auto const header = headers.at<Elf64_Phdr>(i * sizeof(Elf64_Phdr));
        if (!header)
            return false;
        if (header->p_type == PT_NOTE &&
            has_pvh_note(read_bytes(file, header->p_offset, std::min<std::size_t>(header->p_filesz, most_note_bytes))))
            return true;
    }
    return false;
}

bool is_multiboot(const Bytes& head)
{
    for (std::size_t place = 0; place + 12 <= head.size(); place += 4)
        if (head.at<std::uint32_t>(place) == 0x1badb002 &&
            0x1badb002 + head.at<std::uint32_t>(place + 4).value_or(0) + head.at<std::uint32_t>(place + 8).value_or(0) == 0)
            return true;
    return false;
}

std::string find_elf_fault(std::ifstream& file, const Bytes& head)
{
    auto const elf = head.at<Elf64_Ehdr>(0);
    if (!elf || elf->e_ident[EI_CLASS] != ELFCLASS64 || elf->e_machine != EM_X86_64)
        return "is a program for another machine than x86-64";
    return has_pvh_entry(file, *elf) ? "" : "is an ELF without a PVH entry: a kernel's vmlinux has one, other programs have none";
}

} // namespace

std::string find_kernel_fault(const std::string& path)
{
    std::error_code failure;
    auto const size = std::filesystem::file_size(path, failure); // Fails where it is no regular file.
    std::ifstream file{path, std::ios::binary};
    if (failure || !file)
        return {};
    auto const head = read_bytes(file, 0, head_bytes);
    if (is_bzimage(head))
        return find_bzimage_fault(head, size);
    if (is_multiboot(head))
        return {};
    if (head.has(0, "\x7f"
                    "ELF"))
        return find_elf_fault(file, head);
    if (head.has(0x38, "ARM\x64"))
        return "is a kernel for arm64, and the machine is an x86-64";
    return no_kernel;
}

} // namespace nova::model
