#pragma once

#include <string>

namespace nova::keyspace {

/// The name of a VFS of SQLite that passes everything on to the one named (empty: the system's), but gathers what is written to a
/// log and writes it in one go when it is synced. SQLite writes each page of a transaction by itself, and before it a head of 24
/// bytes: 70 system calls for what 64 clients put into one transaction, each as dear as the whole.
///
/// Sound because nobody else reads a page of the log before its transaction was synced: synchronous must be FULL. What the writer
/// itself reads back, or a full disk refuses, is met at the next read, sync, truncation or close. Registers it; any number of
/// times.
std::string gathering_vfs(const std::string& below);

} // namespace nova::keyspace
