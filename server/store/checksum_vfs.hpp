// A SQLite VFS that ends every page of the database with a checksum and verifies it at every read.
//
// SQLite notices a page that makes no sense, but not one that makes the wrong sense: a flipped bit
// in a payload, a row that a damaged count hides. Here each page keeps its last 8 bytes (SQLite's
// "reserved" space, so that any tool can still read the file) for RowHash::page() of the rest; a
// page that does not match fails with SQLITE_IOERR_DATA. The log (-wal) has SQLite's own checksums
// and passes through. Wraps the default VFS as it is at the first use.
// Threading: the functions here and the VFS may be used on any thread; a file is its connection's.
#pragma once

namespace martlet::store {

// Of the page; the size of SQLite's reserved space must be set to it before anything is written.
inline constexpr int page_checksum_size = 8;

// Registers the VFS (once; not as the default) and answers with its name.
const char* checksum_vfs_name();

}  // namespace martlet::store
