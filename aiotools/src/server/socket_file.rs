//! The file that a Unix listener has in the file system.

use std::{
    fs,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

/// The file of a Unix listener; removed when dropped, unless someone else has put another one in
/// its place.
#[derive(Debug)]
pub(super) struct SocketFile {
    path: PathBuf,
    /// Device and inode of our file; `None` when there is nothing to remove.
    id: Option<(u64, u64)>,
}

impl SocketFile {
    pub(super) fn new(path: &Path) -> Self {
        // The path is kept absolute, as the main context may change the working directory.
        let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        let id = Self::id_of(&path);
        Self { path, id }
    }

    /// Leaves the file to someone else.
    pub(super) fn disown(&mut self) {
        self.id = None;
    }

    fn id_of(path: &Path) -> Option<(u64, u64)> {
        fs::symlink_metadata(path)
            .ok()
            .map(|meta| (meta.dev(), meta.ino()))
    }

    pub(super) fn remove(&mut self) {
        if self
            .id
            .take()
            .is_some_and(|id| Self::id_of(&self.path) == Some(id))
        {
            let _ = fs::remove_file(&self.path);
        }
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        self.remove();
    }
}
