//! Whether a program may be run with the rights of this process: whether someone else could have put
//! it there.

use std::{
    fs, io,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use nix::unistd::{getegid, geteuid};

const WRITABLE_BY_ALL: u32 = 0o002;
const WRITABLE_BY_GROUP: u32 = 0o020;
/// In such a directory, nobody can rename or remove what belongs to another one.
const STICKY: u32 = 0o1000;

/// The program at `path`, with all links followed, if it can be trusted: it and each directory on the
/// way to it belong to root or to us, and nobody else may write there.
pub(super) fn trusted(path: &Path) -> io::Result<PathBuf> {
    let real = fs::canonicalize(path)?;
    let meta = fs::metadata(&real)?;
    if !meta.is_file() {
        return Err(refuse(&real, "is not a file"));
    }
    if meta.permissions().mode() & 0o111 == 0 {
        return Err(refuse(&real, "is not a program: nobody may execute it"));
    }
    check(&real, &meta)?;
    for dir in real.ancestors().skip(1) {
        check(dir, &fs::metadata(dir)?)?;
    }
    // What a link pointed to has been checked, not the way there, which is not used.
    Ok(real)
}

fn check(path: &Path, meta: &fs::Metadata) -> io::Result<()> {
    let mode = meta.permissions().mode();
    if meta.uid() != 0 && meta.uid() != geteuid().as_raw() {
        return Err(refuse(path, &format!("belongs to user {}", meta.uid())));
    }
    if meta.is_dir() && mode & STICKY != 0 {
        return Ok(());
    }
    if mode & WRITABLE_BY_ALL != 0 {
        return Err(refuse(path, "can be written by everyone"));
    }
    if mode & WRITABLE_BY_GROUP != 0 && meta.gid() != 0 && meta.gid() != getegid().as_raw() {
        return Err(refuse(
            path,
            &format!("can be written by group {}", meta.gid()),
        ));
    }
    Ok(())
}

fn refuse(path: &Path, why: &str) -> io::Error {
    io::Error::new(
        io::ErrorKind::PermissionDenied,
        format!("{} cannot be trusted, as it {why}", path.display()),
    )
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{chown, symlink};

    use super::*;

    struct Dir(PathBuf);

    impl Dir {
        fn new(name: &str) -> Self {
            let dir = std::env::temp_dir().join(format!("aiotools-{name}-{}", std::process::id()));
            fs::create_dir(&dir).unwrap();
            set_mode(&dir, 0o755);
            Self(dir)
        }

        fn program(&self, name: &str) -> PathBuf {
            let path = self.0.join(name);
            fs::write(&path, "").unwrap();
            set_mode(&path, 0o755);
            path
        }
    }

    impl Drop for Dir {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn set_mode(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    fn refusal(path: &Path) -> String {
        trusted(path).unwrap_err().to_string()
    }

    #[test]
    fn trust_goes_by_owner_and_mode() {
        let dir = Dir::new("trust");
        let program = dir.program("p");
        assert!(trusted(&program).is_ok());
        set_mode(&program, 0o757);
        assert!(refusal(&program).contains("everyone"));
        set_mode(&program, 0o644);
        assert!(refusal(&program).contains("nobody may execute it"));
        set_mode(&program, 0o755);
        set_mode(&dir.0, 0o777);
        assert!(refusal(&program).contains("everyone"));
        set_mode(&dir.0, 0o1777);
        assert!(trusted(&program).is_ok());
        assert!(refusal(&dir.0).contains("is not a file"));
        assert!(trusted(&dir.0.join("missing")).is_err());
    }

    #[test]
    fn trust_follows_links() {
        let dir = Dir::new("links");
        let program = dir.program("p");
        let link = dir.0.join("link");
        symlink(&program, &link).unwrap();
        assert_eq!(trusted(&link).unwrap(), fs::canonicalize(&program).unwrap());
        set_mode(&program, 0o777);
        assert!(refusal(&link).contains("everyone"));
    }

    #[test]
    fn trust_nobody_else() {
        if !geteuid().is_root() {
            println!("left out, as it takes root");
            return;
        }
        let dir = Dir::new("owner");
        let program = dir.program("p");
        chown(&program, Some(1234), None).unwrap();
        assert!(refusal(&program).contains("belongs to user 1234"));
        chown(&program, Some(0), Some(1234)).unwrap();
        set_mode(&program, 0o775);
        assert!(refusal(&program).contains("group 1234"));
        set_mode(&program, 0o755);
        chown(&dir.0, Some(1234), None).unwrap();
        assert!(refusal(&program).contains("belongs to user 1234"));
    }
}
