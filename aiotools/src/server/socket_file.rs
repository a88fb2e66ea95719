//! The file that a Unix listener has in the file system.

use std::{
    fs::{self, File},
    io,
    os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _, chown},
    path::{Path, PathBuf},
};

use nix::{
    errno::Errno,
    fcntl::{Flock, FlockArg},
};
use socket2::{Domain, SockAddr, Socket, Type};

use super::listen::Listen;

/// The file of a Unix listener; removed when dropped, unless someone else has put another one in
/// its place.
#[derive(Debug)]
pub(super) struct SocketFile {
    path: PathBuf,
    /// Device and inode of our file; `None` when there is nothing to remove.
    id: Option<(u64, u64)>,
}

impl SocketFile {
    /// Binds `socket` to `path`, in the place of a socket file that nobody has open any more. It
    /// does not listen yet, so that nobody can connect before owner and mode are those of `listen`.
    pub(super) fn bind(socket: &Socket, path: &Path, listen: &Listen) -> io::Result<Self> {
        let addr = SockAddr::unix(path)?;
        // Of two servers that find the same stale file, one must not remove the new file of the
        // other. Where the directory cannot be opened, that is left to chance.
        let dir = match path.parent() {
            Some(dir) if !dir.as_os_str().is_empty() => dir,
            _ => Path::new("."),
        };
        let _lock = File::open(dir)
            .ok()
            .and_then(|dir| Flock::lock(dir, FlockArg::LockExclusive).ok());
        bind_over_stale(socket, &addr, path)?;
        let file = Self::adopt(path);
        if let Some((user, group)) = listen.owner {
            chown(path, user, group)?;
        }
        if let Some(mode) = listen.mode {
            fs::set_permissions(path, fs::Permissions::from_mode(mode))?;
        }
        Ok(file)
    }

    /// Takes charge of the file that is at `path` now.
    pub(super) fn adopt(path: &Path) -> Self {
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

fn bind_over_stale(socket: &Socket, addr: &SockAddr, path: &Path) -> io::Result<()> {
    match socket.bind(addr) {
        Err(err) if err.kind() == io::ErrorKind::AddrInUse => {
            remove_stale(addr, path)?;
            socket.bind(addr)
        }
        bound => bound,
    }
}

/// Removes the socket file at `path` if no process has the socket open.
fn remove_stale(addr: &SockAddr, path: &Path) -> io::Result<()> {
    let in_use = |text: &str| Err(io::Error::new(io::ErrorKind::AddrInUse, text));
    let is_socket = |meta: fs::Metadata| meta.file_type().is_socket();
    // A link is not followed: `bind` would not either.
    if !fs::symlink_metadata(path).is_ok_and(is_socket) {
        return in_use("the file there is not a socket: remove it, or listen elsewhere");
    }
    // Knocking with the wrong kind of socket does not disturb a server: whether there is one is
    // told by the refusal.
    let probe = Socket::new(Domain::UNIX, Type::DGRAM, None)?;
    match probe.connect(addr) {
        Err(err) if err.raw_os_error() == Some(Errno::ECONNREFUSED as i32) => {
            tracing::info!(path = %path.display(), "replacing a socket file that no process has open");
            fs::remove_file(path)
        }
        Err(err) if err.kind() == io::ErrorKind::PermissionDenied => Err(err),
        _ => in_use("another process has the socket there open: stop it, or listen elsewhere"),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;

    use super::*;

    struct Dir(PathBuf);

    impl Dir {
        fn new(name: &str) -> Self {
            let dir = std::env::temp_dir().join(format!("aiotools-{name}-{}", std::process::id()));
            fs::create_dir(&dir).unwrap();
            Self(dir)
        }
    }

    impl Drop for Dir {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn bind(path: &Path, listen: &Listen) -> io::Result<(Socket, SocketFile)> {
        let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
        let file = SocketFile::bind(&socket, path, listen)?;
        socket.listen(1)?;
        Ok((socket, file))
    }

    #[test]
    fn socket_file_stale_one_is_replaced() {
        let dir = Dir::new("stale");
        let path = dir.0.join("s");
        // Closing a listener of the standard library leaves its file.
        drop(UnixListener::bind(&path).unwrap());
        assert!(path.exists());
        let (_socket, file) = bind(&path, &Listen::unix(&path)).unwrap();
        drop(file);
        assert!(!path.exists());
    }

    #[test]
    fn socket_file_live_one_is_left_and_not_disturbed() {
        let dir = Dir::new("live");
        let path = dir.0.join("s");
        let live = UnixListener::bind(&path).unwrap();
        live.set_nonblocking(true).unwrap();
        let err = bind(&path, &Listen::unix(&path)).unwrap_err();
        assert_eq!(err.kind(), io::ErrorKind::AddrInUse);
        assert!(err.to_string().contains("another process"), "{err}");
        assert_eq!(live.accept().unwrap_err().kind(), io::ErrorKind::WouldBlock);
    }

    #[test]
    fn socket_file_other_files_are_left() {
        let dir = Dir::new("other");
        let path = dir.0.join("s");
        fs::write(&path, "precious").unwrap();
        let link = dir.0.join("link");
        drop(UnixListener::bind(dir.0.join("stale")).unwrap());
        std::os::unix::fs::symlink(dir.0.join("stale"), &link).unwrap();
        for path in [&path, &link] {
            let err = bind(path, &Listen::unix(path)).unwrap_err();
            assert!(err.to_string().contains("not a socket"), "{err}");
        }
        assert_eq!(fs::read_to_string(&path).unwrap(), "precious");
        assert!(dir.0.join("stale").exists());
    }

    #[test]
    fn socket_file_has_the_mode_and_the_owner() {
        let dir = Dir::new("mode");
        let path = dir.0.join("s");
        let mut listen = Listen::unix(&path).mode(0o640);
        if nix::unistd::geteuid().is_root() {
            listen = listen.owner(Some(12), Some(34));
        }
        let (_socket, _file) = bind(&path, &listen).unwrap();
        let meta = fs::metadata(&path).unwrap();
        assert_eq!(meta.permissions().mode() & 0o777, 0o640);
        if nix::unistd::geteuid().is_root() {
            assert_eq!((meta.uid(), meta.gid()), (12, 34));
        }
    }

    #[test]
    fn socket_file_removes_only_its_own() {
        let dir = Dir::new("own");
        let path = dir.0.join("s");
        let (_socket, file) = bind(&path, &Listen::unix(&path)).unwrap();
        fs::rename(&path, path.with_extension("old")).unwrap();
        fs::write(&path, "another").unwrap();
        drop(file);
        assert_eq!(fs::read_to_string(&path).unwrap(), "another");
    }
}
