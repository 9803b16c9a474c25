#include "runtime/update_request.h"

#include <gtest/gtest.h>

#include <fstream>

#include "model/oci_config.h"

namespace nova::runtime {
namespace {

Result<UpdateRequest> request_of(const std::vector<std::string>& words)
{
    auto const arguments = Arguments::parse(words, update_options(), OptionOrder::anywhere);
    EXPECT_TRUE(arguments.ok()) << arguments.error().message();
    return read_update_request(arguments.value());
}

TEST(UpdateRequest, writes_options_as_the_specification_has_them)
{
    auto const request = request_of({"--memory", "64M", "--cpu-share=512", "--cpuset-cpus", "0-1", "--pids-limit", "-1", "web"});
    EXPECT_EQ(request.value().resources,
              R"({"memory":{"limit":67108864},"cpu":{"shares":512,"cpus":"0-1"},"pids":{"limit":-1}})");
}

TEST(UpdateRequest, passes_kernel_memory_over_which_no_kernel_limits_any_more)
{
    EXPECT_EQ(request_of({"--kernel-memory", "64M", "web"}).value().resources, "{}");
}

TEST(UpdateRequest, knows_every_option_of_a_field)
{
    auto const text =
        request_of({"--memory=1", "--memory-reservation=2", "--memory-swap=3", "--kernel-memory-tcp=4", "--cpu-period=5",
                    "--cpu-quota=6", "--cpu-burst=7", "--cpu-share=8", "--cpu-rt-period=9", "--cpu-rt-runtime=10", "--cpu-idle=1",
                    "--cpuset-cpus=0", "--cpuset-mems=0", "--pids-limit=11", "--blkio-weight=12"})
            .value()
            .resources;
    auto const resources = model::oci::parse_resources(text).value();
    EXPECT_EQ(resources.memory.limit, 1);
    EXPECT_EQ(resources.memory.reservation, 2);
    EXPECT_EQ(resources.memory.swap, 3);
    EXPECT_EQ(resources.memory.kernel_tcp, 4);
    EXPECT_EQ(resources.cpu.period, 5u);
    EXPECT_EQ(resources.cpu.quota, 6);
    EXPECT_EQ(resources.cpu.burst, 7u);
    EXPECT_EQ(resources.cpu.shares, 8u);
    EXPECT_EQ(resources.cpu.realtime_period, 9u);
    EXPECT_EQ(resources.cpu.realtime_runtime, 10);
    EXPECT_EQ(resources.cpu.idle, 1);
    EXPECT_EQ(resources.cpu.cpus, "0");
    EXPECT_EQ(resources.cpu.mems, "0");
    EXPECT_EQ(resources.pids_limit, 11);
    EXPECT_EQ(resources.block_io.weight, 12);
}

TEST(UpdateRequest, names_the_option_whose_value_is_wrong)
{
    EXPECT_EQ(request_of({"--memory", "lots", "web"}).error().message(),
              "--memory: must be a number of bytes, like 67108864 or 64M, is \"lots\"");
    EXPECT_NE(request_of({"--cpu-quota", "1x", "web"}).error().message().find("--cpu-quota: "), std::string::npos);
}

TEST(UpdateRequest, reads_sizes_as_runc_does)
{
    for (const char* const text : {"65536", "64k", "64K", "64kb", "64Ki", "64KiB"})
        EXPECT_EQ(parse_memory_size(text).value(), 65536) << text;
    EXPECT_EQ(parse_memory_size("-1").value(), -1);
    EXPECT_EQ(parse_memory_size("2T").value(), 2LL << 40);
    for (const char* const text : {"", "k", "-2", "1.5M", "64Q", "64kk", "9223372036854775807k", "0x10", " 1"})
        EXPECT_FALSE(parse_memory_size(text).ok()) << text;
}

} // namespace
} // namespace nova::runtime
