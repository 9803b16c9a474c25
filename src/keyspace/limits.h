#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

/// Every limit of the store, by name. What exceeds one gets an error that says so, never a silent cut.
namespace nova::keyspace::limits {

constexpr std::size_t key_bytes_most = 1024;
constexpr std::size_t value_bytes_most = 1536 * 1024;
constexpr std::size_t watches_most = 100'000;
constexpr std::size_t leases_most = 100'000;
constexpr auto time_to_live_least = std::chrono::milliseconds{1};
constexpr auto time_to_live_most = std::chrono::milliseconds{std::chrono::hours{24 * 366}};

/// Of the database file; the log beside it comes on top.
constexpr std::uint64_t database_bytes_most = 8ull << 30;

/// A page with a limit ends early here (with a token); one without fails: its reader would take it for all.
constexpr std::size_t page_bytes_most = 64u << 20;
constexpr std::size_t unlimited_list_bytes_most = 256u << 20;

/// take() gives fewer changes than asked for rather than more than this (but always one).
constexpr std::size_t take_bytes_most = 8u << 20;

/// What one durable transaction may hold.
constexpr std::size_t batch_writes_most = 512;
constexpr std::size_t batch_bytes_most = 8u << 20;

/// Recent changes kept in memory for watches; a watch further behind reads the database.
constexpr std::size_t ring_changes_most = 4096;
constexpr std::size_t ring_bytes_most = 4u << 20;

/// Automatic compaction keeps this many revisions, and works once this many more have gathered.
constexpr std::uint64_t history_kept = 10'000;
constexpr std::uint64_t history_slack = 200;

constexpr std::size_t readers_most = 4;

/// The log is written back into the database once it has this many pages.
constexpr int log_pages_most = 2000;

/// A database up to this size is checked whole when it is opened (about 1 ms per 2 MiB); a larger one only where it is read.
constexpr std::uint64_t checked_at_open_bytes_most = 64u << 20;

constexpr auto busy_wait_most = std::chrono::milliseconds{5000};

} // namespace nova::keyspace::limits
