//! Snapshots of the expansion: `UPDATE_EXPECT=1 cargo test -p aiotools-macros` writes them anew.
