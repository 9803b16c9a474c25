#include <gtest/gtest.h>

#include <random>

#include "keyspace/power_loss_vfs.h"
#include "keyspace/store_fixture.h"

namespace nova::keyspace {
namespace {

class PowerLoss : public StoreFixture {
protected:
    /// Opens what a power loss at this instant would have left, and holds it against what had been acknowledged before.
    void expect_kept_after_loss(const std::map<std::string, std::string>& acknowledged, Revision revision, unsigned seed)
    {
        auto const copy = directory_ + "-after";
        base::AbortGuard const guard{copy};
        std::filesystem::remove_all(copy);
        std::filesystem::create_directory(copy);
        PowerLossVfs::instance().lose_power(directory_, copy, seed);
        {
            auto opened = open_keyspace(copy);
            ASSERT_TRUE(opened.ok()) << opened.error().message() << " (seed " << seed << ")";
            EXPECT_GE(opened.value()->revision(), revision) << "seed " << seed;
            for (const auto& [key, value] : acknowledged) {
                auto const found = opened.value()->get(key);
                ASSERT_TRUE(found.ok()) << key << " was acknowledged and is gone (seed " << seed << ")";
                EXPECT_EQ(found.value().value, value) << "seed " << seed;
            }
        }
        std::filesystem::remove_all(copy);
    }
};

TEST_F(PowerLoss, takes_no_acknowledged_write_whatever_of_the_rest_reached_the_disk)
{
    store(); // Made by the usual way: its files are durable.
    reopen({.vfs = PowerLossVfs::name(), .history_kept = 200, .history_slack = 20});
    std::mt19937 random{7};
    std::map<std::string, std::string> acknowledged;
    Revision revision = 0;
    for (int i = 0; i < 900; ++i) { // Far enough for the log to be written back, several times over.
        auto const key = "/k/" + std::to_string(random() % 300);
        auto const value = std::string(100 + random() % 3000, static_cast<char>('a' + i % 26));
        revision = store().put(key, value).value().modified;
        acknowledged[key] = value;
        if (i % 23 == 0)
            expect_kept_after_loss(acknowledged, revision, static_cast<unsigned>(i));
    }
}

TEST_F(PowerLoss, in_the_middle_of_a_write_keeps_all_before_it)
{
    store();
    reopen({.vfs = PowerLossVfs::name()});
    std::map<std::string, std::string> acknowledged;
    Revision revision = 0;
    for (unsigned i = 0; i < 60; ++i) {
        auto const key = "/k/" + std::to_string(i);
        // The loss strikes at a write or sync of this put, before it takes effect.
        PowerLossVfs::instance().stop_at(i % 2 + 1, [&] { expect_kept_after_loss(acknowledged, revision, i); });
        revision = store().put(key, std::string(5000, 'x')).value().modified;
        PowerLossVfs::instance().stop_at(0, {});
        acknowledged[key] = std::string(5000, 'x');
    }
}

} // namespace
} // namespace nova::keyspace
