#include "runtime/state.h"

#include <gtest/gtest.h>

namespace nova::runtime {
namespace {

Record example()
{
    Record record;
    record.id = "web";
    record.bundle = "/bundle";
    record.rootfs = "/bundle/rootfs";
    record.pid = 7;
    record.start_ticks = 99;
    record.cgroup = "/machine.slice/nb-web.scope";
    record.controllers = {"memory", "pids"};
    record.unit = "nb-web.scope";
    record.own_pids = false;
    return record;
}

TEST(Record, reads_back_what_was_written)
{
    auto const read = parse_record(to_json(example())).value();
    EXPECT_EQ(read.unit, "nb-web.scope");
    EXPECT_EQ(read.cgroup, "/machine.slice/nb-web.scope");
    EXPECT_EQ(read.controllers, example().controllers);
    EXPECT_EQ(read.start_ticks, 99u);
    EXPECT_FALSE(read.own_pids);
}

TEST(Record, tells_its_scope_to_who_asks_for_the_state)
{
    auto record = example();
    EXPECT_NE(state_json(record, Phase::running).find("\"systemd-scope\":\"nb-web.scope\""), std::string::npos);
    record.unit.clear();
    EXPECT_EQ(state_json(record, Phase::running).find("systemd-scope"), std::string::npos);
}

TEST(Record, names_no_unit_but_a_scope_or_a_slice)
{
    auto record = example();
    for (const char* const unit : {"ssh.service", "reboot.target", "web"}) {
        record.unit = unit;
        EXPECT_EQ(parse_record(to_json(record)).error().message(), "unit: must be a scope or a slice") << unit;
    }
    record.unit = "a-b.slice";
    EXPECT_TRUE(parse_record(to_json(record)).ok());
}

TEST(Record, leads_to_no_cgroup_above)
{
    auto record = example();
    record.cgroup = "/a/../../b";
    EXPECT_FALSE(parse_record(to_json(record)).ok());
}

TEST(Record, remembers_its_class_of_caches)
{
    auto record = example();
    record.rdt = {.name = "guaranteed", .made = false, .monitored = true};
    auto const read = parse_record(to_json(record)).value();
    EXPECT_EQ(read.rdt.name, "guaranteed");
    EXPECT_FALSE(read.rdt.made);
    EXPECT_TRUE(read.rdt.monitored);
    EXPECT_EQ(parse_record(to_json(example())).value().rdt.name, "");
    for (const char* const name : {"../x", "a/b", "info", ".."}) {
        record.rdt.name = name;
        EXPECT_EQ(parse_record(to_json(record)).error().message(), "rdt: must be the name of a class") << name;
    }
}

} // namespace
} // namespace nova::runtime
