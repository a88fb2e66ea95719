//! What a worker writes down, so that it can be told from outside whether it is idle.
//!
//! A file with the number of connections that have been answered and wait for another request, and with the sockets
//! that the worker had before it accepted anything. All other sockets that it has are connections; see
//! `load::idle`.

use std::{
    fs::File,
    io,
    os::unix::fs::FileExt as _,
    path::Path,
    process,
    sync::atomic::{AtomicU64, Ordering},
};

/// The books of this process.
#[derive(Debug)]
pub(crate) struct Books {
    file: File,
    waiting: AtomicU64,
}

impl Books {
    pub(crate) fn open(dir: &Path) -> io::Result<Self> {
        let file = File::create(dir.join(process::id().to_string()))?;
        let sockets = std::fs::read_dir("/proc/self/fd")?
            .flatten()
            .filter_map(|fd| std::fs::read_link(fd.path()).ok())
            .map(|target| target.to_string_lossy().into_owned())
            .filter(|target| target.starts_with("socket:"));
        let text = sockets.collect::<Vec<_>>().join(" ");
        file.write_all_at(text.as_bytes(), 8)?;
        let waiting = AtomicU64::new(0);
        file.write_all_at(&0_u64.to_le_bytes(), 0)?;
        Ok(Self { file, waiting })
    }

    /// Notes, for as long as the result lives, one more connection that waits for another request.
    pub(crate) fn waiting(&self) -> Waiting<'_> {
        self.add(1);
        Waiting(self)
    }

    fn add(&self, n: i64) {
        // The workers have one thread each.
        let waiting = self.waiting.load(Ordering::Relaxed).wrapping_add_signed(n);
        self.waiting.store(waiting, Ordering::Relaxed);
        let _ = self.file.write_all_at(&waiting.to_le_bytes(), 0);
    }
}

pub(crate) struct Waiting<'a>(&'a Books);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.add(-1);
    }
}
