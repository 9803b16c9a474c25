#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "base/abort_guard_testing.h"
#include "sys/child.h"
#include "sys/file.h"
#include "vm/hypervisor.h"

namespace nova::vm {
namespace {

using base::Bytes;
using base::Code;

class QemuPrepare : public testing::Test {
protected:
    void SetUp() override
    {
        if (!sys::find_program("qemu-system-x86_64").ok())
            GTEST_SKIP() << "qemu-system-x86 is not installed";
        ASSERT_TRUE(sys::make_directories(root).ok());
        plan.id = "vm.default.probe";
        plan.name = "probe";
        plan.memory = Bytes{64u << 20};
        plan.image = write("base.img", std::string(4096, 'b'));
        plan.directory = root + "/vms/probe.vm";
        plan.run_directory = root + "/run/vms/vm.default.probe";
        plan.log_path = root + "/probe.log";
    }
    void TearDown() override { std::filesystem::remove_all(root); }

    std::string write(const std::string& name, const std::string& content) const
    {
        EXPECT_TRUE(sys::write_file_atomically(root + "/" + name, content).ok());
        return root + "/" + name;
    }

    std::string root = testing::TempDir() + "nova_qemu." + std::to_string(::getpid());
    MachinePlan plan;
    std::unique_ptr<Hypervisor> qemu = make_qemu();
    base::AbortGuard const guard{root};
};

TEST_F(QemuPrepare, makes_the_machine_s_directory_once)
{
    auto const first = qemu->prepare(plan).value();
    EXPECT_EQ(first.id, plan.id);
    EXPECT_EQ(first.cwd, plan.run_directory);
    EXPECT_EQ(first.console_fifo, plan.run_directory + "/console");
    EXPECT_EQ(first.log.path, plan.log_path);
    auto const files = std::vector<std::string>{"config.yaml", "hd0.qcow2"};
    EXPECT_EQ(sys::list_directory(plan.directory).value(), files);

    auto const disk_time = std::filesystem::last_write_time(plan.directory + "/hd0.qcow2");
    auto const config_time = std::filesystem::last_write_time(plan.directory + "/config.yaml");
    EXPECT_EQ(qemu->prepare(plan).value(), first);
    EXPECT_EQ(std::filesystem::last_write_time(plan.directory + "/hd0.qcow2"), disk_time);
    EXPECT_EQ(std::filesystem::last_write_time(plan.directory + "/config.yaml"), config_time);
}

TEST_F(QemuPrepare, refuses_to_put_a_disk_on_another_image)
{
    ASSERT_TRUE(qemu->prepare(plan).ok());
    plan.image = write("other.img", std::string(4096, 'o'));
    EXPECT_EQ(qemu->prepare(plan).error().code(), Code::failed_precondition);
    std::filesystem::create_symlink(root + "/base.img", root + "/link.img");
    plan.image = root + "/link.img";
    EXPECT_TRUE(qemu->prepare(plan).ok()) << "the same file by another name";
}

TEST_F(QemuPrepare, leaves_nothing_of_what_it_refuses)
{
    auto const refused = [&](Code code) {
        auto const spec = qemu->prepare(plan);
        EXPECT_TRUE(base::failed_with(spec, code)) << (spec.ok() ? "accepted" : spec.error().message());
        EXPECT_FALSE(sys::exists(plan.directory + "/hd0.qcow2"));
    };
    auto const good = plan;
    plan.image = root + "/gone.img";
    refused(Code::not_found);
    plan = good;
    plan.kernel = root + "/gone";
    refused(Code::not_found);
    plan = good;
    plan.kernel = write("garbage", std::string(100000, 'x'));
    refused(Code::invalid_argument);
    plan = good;
    plan.image = "base.img";
    refused(Code::invalid_argument);
    plan = good;
    plan.image.clear();
    refused(Code::invalid_argument);
    plan = good;
    plan.disk_size = Bytes{512};
    refused(Code::invalid_argument);
    plan = good;
    plan.image = write("base.vmdk", std::string(4096, 'b'));
    refused(Code::invalid_argument);
}

TEST_F(QemuPrepare, removes_only_what_is_a_machine_s)
{
    ASSERT_TRUE(qemu->prepare(plan).ok());
    auto wrong = plan;
    wrong.directory = root;
    EXPECT_EQ(qemu->remove(wrong).error().code(), Code::invalid_argument);
    EXPECT_TRUE(sys::exists(plan.image));
    EXPECT_TRUE(qemu->remove(plan).ok());
    EXPECT_FALSE(sys::exists(plan.directory));
    EXPECT_TRUE(sys::exists(plan.image));
}

} // namespace
} // namespace nova::vm
