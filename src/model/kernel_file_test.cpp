#include "model/kernel_file.h"

#include <elf.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>

#include "base/abort_guard_testing.h"

namespace nova::model {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

constexpr std::size_t whole = 4 * 512 + 1600;

class KernelFile : public testing::Test {
protected:
    ~KernelFile() override { std::filesystem::remove(path); }

    std::string fault_of(const std::string& content) const
    {
        std::ofstream{path, std::ios::binary | std::ios::trunc} << content;
        return find_kernel_fault(path);
    }

    template <typename Value>
    static void put(std::string& text, std::size_t place, const Value& value)
    {
        std::memcpy(text.data() + place, &value, sizeof value);
    }

    static std::string bzimage(std::size_t size)
    {
        std::string text(whole, '\0');
        put(text, 0x1f1, std::uint8_t{3});
        put(text, 0x1f4, std::uint32_t{100});
        put(text, 0x1fe, std::uint16_t{0xaa55});
        std::memcpy(text.data() + 0x202, "HdrS", 4);
        put(text, 0x206, std::uint16_t{0x20f});
        text.resize(size);
        return text;
    }

    /// An ELF with two program headers; the second leads to a note of this type behind one of another's.
    static std::string elf(std::uint32_t note_type)
    {
        std::string text(1024, '\0');
        Elf64_Ehdr head{};
        std::memcpy(head.e_ident, ELFMAG, SELFMAG);
        head.e_ident[EI_CLASS] = ELFCLASS64;
        head.e_machine = EM_X86_64;
        head.e_phoff = 64;
        head.e_phentsize = sizeof(Elf64_Phdr);
        head.e_phnum = 2;
        put(text, 0, head);
        Elf64_Phdr note{};
        note.p_type = PT_NOTE;
        note.p_offset = 900;
        note.p_filesz = 2 * (12 + 4 + 8);
        put(text, 64 + sizeof note, note);
        for (auto const& [place, type] : {std::pair{900, 6u}, {924, note_type}}) {
            put(text, place, Elf64_Nhdr{4, 5, type});
            std::memcpy(text.data() + place + 12, "Xen", 4);
        }
        return text;
    }

    std::string const path = testing::TempDir() + "kernel_file." + std::to_string(::getpid());
    base::AbortGuard const guard{path};
};

TEST_F(KernelFile, is_taken_where_qemu_boots_it)
{
    EXPECT_THAT(fault_of(bzimage(whole)), IsEmpty());
    EXPECT_THAT(fault_of(bzimage(whole) + "a signature"), IsEmpty());
    EXPECT_THAT(fault_of(elf(18)), IsEmpty());
    std::string multiboot(4096, '\0');
    put(multiboot, 1024, std::array<std::uint32_t, 3>{0x1badb002, 3, 0 - (0x1badb002u + 3)});
    EXPECT_THAT(fault_of(multiboot), IsEmpty());
}

TEST_F(KernelFile, is_refused_where_it_is_something_else)
{
    EXPECT_THAT(fault_of(""), HasSubstr("no kernel"));
    EXPECT_THAT(fault_of("garbage"), HasSubstr("no kernel"));
    EXPECT_THAT(fault_of(std::string(100000, 'x')), HasSubstr("no kernel"));
    auto boot_sector = bzimage(512);
    EXPECT_THAT(fault_of(boot_sector), HasSubstr("no kernel")) << "0xaa55 alone is a boot sector's";
    std::string arm(128, '\0');
    std::memcpy(arm.data() + 0x38, "ARM\x64", 4);
    EXPECT_THAT(fault_of(arm), HasSubstr("arm64"));
}

TEST_F(KernelFile, is_refused_where_it_was_cut_short)
{
    EXPECT_THAT(fault_of(bzimage(whole - 1)), HasSubstr("cut short: it has 3647 of 3648 bytes"));
}

TEST_F(KernelFile, is_refused_where_it_is_a_program)
{
    EXPECT_THAT(fault_of(elf(7)), HasSubstr("without a PVH entry"));
    auto other = elf(18);
    put(other, offsetof(Elf64_Ehdr, e_machine), std::uint16_t{EM_AARCH64});
    EXPECT_THAT(fault_of(other), HasSubstr("another machine"));
    EXPECT_THAT(fault_of(elf(18).substr(0, 60)), HasSubstr("another machine")) << "cut within its header";
}

TEST_F(KernelFile, may_lie_about_its_parts)
{
    auto text = elf(7);
    Elf64_Ehdr head{};
    std::memcpy(&head, text.data(), sizeof head);
    head.e_phnum = 65535;
    head.e_phoff = ~0ull;
    put(text, 0, head);
    EXPECT_THAT(fault_of(text), HasSubstr("without a PVH entry"));
    text = elf(7);
    put(text, 900, Elf64_Nhdr{0xffffffff, 0xffffffff, 18});
    EXPECT_THAT(fault_of(text), HasSubstr("without a PVH entry"));
}

TEST_F(KernelFile, that_is_not_there_is_somebody_else_s_matter)
{
    EXPECT_THAT(find_kernel_fault("/nonexistent"), IsEmpty());
    EXPECT_THAT(find_kernel_fault("/"), IsEmpty());
}

} // namespace
} // namespace nova::model
