//! The rights that the workers give up.
//!
//! The parent keeps its own: it needs them to listen on the ports of the next workers, and to put
//! another server in its place. So each worker drops them for itself, between the fork and the first
//! line of the user's code.

use std::{ffi::CString, io};

use nix::{
    sys::stat::{Mode, umask},
    unistd::{Gid, Group, Uid, User, getegid, geteuid},
};

/// What was asked for.
#[derive(Debug, Default)]
pub(super) struct Privileges {
    pub(super) user: Option<String>,
    pub(super) group: Option<String>,
    pub(super) groups: Option<Vec<String>>,
    pub(super) umask: Option<u32>,
    pub(super) no_new_privs: bool,
}

/// The same in numbers.
#[derive(Debug, Default)]
pub(super) struct WorkerRights {
    user: Option<Uid>,
    group: Option<Gid>,
    groups: Option<Vec<Gid>>,
    umask: Option<Mode>,
    no_new_privs: bool,
}

impl Privileges {
    /// Looks the names up, in the parent, so that a mistake stops the server before it starts.
    pub(super) fn resolve(&self) -> io::Result<WorkerRights> {
        let user = self.user.as_deref().map(user).transpose()?;
        let group = match (&self.group, &user) {
            (Some(name), _) => Some(group(name)?),
            (None, Some(user)) => user.gid,
            (None, None) => None,
        };
        let groups = match (&self.groups, &user) {
            (Some(names), _) => Some(
                names
                    .iter()
                    .map(|name| self::group(name))
                    .collect::<io::Result<_>>()?,
            ),
            // Those of root must not stay behind.
            (None, Some(user)) => Some(user.groups(group)?),
            (None, None) => group.map(|group| vec![group]),
        };
        if let Some(user) = &user
            && group.is_none()
        {
            return Err(invalid(format!(
                "user {} is known by its number only: give a group(..) as well",
                user.uid
            )));
        }
        Ok(WorkerRights {
            user: user.map(|user| user.uid),
            group,
            groups,
            umask: self.umask.map(|mask| Mode::from_bits_truncate(mask as _)),
            no_new_privs: self.no_new_privs,
        })
    }
}

struct Account {
    uid: Uid,
    name: Option<String>,
    gid: Option<Gid>,
}

impl Account {
    fn groups(&self, group: Option<Gid>) -> io::Result<Vec<Gid>> {
        match (&self.name, group) {
            (Some(name), Some(group)) => change::groups_of(&CString::new(name.as_str())?, group),
            _ => Ok(group.into_iter().collect()),
        }
    }
}

/// By name or by number.
fn user(name: &str) -> io::Result<Account> {
    let number = name.parse().ok().map(Uid::from_raw);
    let found = match number {
        Some(uid) => User::from_uid(uid)?,
        None => User::from_name(name)?,
    };
    match (found, number) {
        (Some(user), _) => Ok(Account {
            uid: user.uid,
            name: Some(user.name),
            gid: Some(user.gid),
        }),
        (None, Some(uid)) => Ok(Account {
            uid,
            name: None,
            gid: None,
        }),
        (None, None) => Err(invalid(format!("there is no user {name}"))),
    }
}

fn group(name: &str) -> io::Result<Gid> {
    if let Ok(number) = name.parse() {
        return Ok(Gid::from_raw(number));
    }
    let found = Group::from_name(name)?;
    found.map_or_else(
        || Err(invalid(format!("there is no group {name}"))),
        |group| Ok(group.gid),
    )
}

fn invalid(text: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, text)
}

impl WorkerRights {
    /// Gives the rights up for good, in the process that this is called in.
    pub(super) fn apply(&self) -> io::Result<()> {
        if let Some(mask) = self.umask {
            umask(mask);
        }
        // The user last: without its rights, the rest cannot be changed.
        if let Some(groups) = &self.groups
            && !self.has_groups(groups)
        {
            change::set_groups(groups)?;
        }
        if let Some(gid) = self.group
            && gid != getegid()
        {
            change::set_group(gid)?;
        }
        if let Some(uid) = self.user {
            if uid != geteuid() {
                change::set_user(uid)?;
            }
            if !uid.is_root() && nix::unistd::seteuid(Uid::from_raw(0)).is_ok() {
                return Err(io::Error::other("the rights of root could be taken back"));
            }
        }
        if self.no_new_privs {
            change::set_no_new_privs()?;
        }
        Ok(())
    }

    /// So that a server which has these rights and no other needs none to keep them.
    fn has_groups(&self, groups: &[Gid]) -> bool {
        let sorted = |mut list: Vec<Gid>| {
            list.sort_unstable_by_key(|gid| gid.as_raw());
            list.dedup();
            list
        };
        change::groups().is_ok_and(|own| sorted(own) == sorted(groups.to_vec()))
    }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
mod change {
    use std::{ffi::CStr, io};

    use nix::unistd::{Gid, Uid};

    pub(super) fn groups_of(name: &CStr, group: Gid) -> io::Result<Vec<Gid>> {
        nix::unistd::getgrouplist(name, group).map_err(Into::into)
    }

    pub(super) fn groups() -> io::Result<Vec<Gid>> {
        nix::unistd::getgroups().map_err(Into::into)
    }

    pub(super) fn set_groups(groups: &[Gid]) -> io::Result<()> {
        nix::unistd::setgroups(groups)
            .map_err(|err| explain("change the supplementary groups", err))
    }

    pub(super) fn set_group(gid: Gid) -> io::Result<()> {
        nix::unistd::setresgid(gid, gid, gid).map_err(|err| explain("change the group", err))
    }

    pub(super) fn set_user(uid: Uid) -> io::Result<()> {
        nix::unistd::setresuid(uid, uid, uid).map_err(|err| explain("change the user", err))
    }

    pub(super) fn set_no_new_privs() -> io::Result<()> {
        nix::sys::prctl::set_no_new_privs().map_err(Into::into)
    }

    fn explain(what: &str, err: nix::errno::Errno) -> io::Error {
        let err = io::Error::from(err);
        io::Error::new(
            err.kind(),
            format!("cannot {what}, which takes the rights of root: {err}"),
        )
    }
}

/// Elsewhere the calls differ from system to system, and a server that would keep rights which it was
/// asked to give up must not start.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
mod change {
    use std::{ffi::CStr, io};

    use nix::unistd::{Gid, Uid};

    fn unsupported<T>() -> io::Result<T> {
        Err(io::Error::new(
            io::ErrorKind::Unsupported,
            "rights can be given up on Linux only",
        ))
    }

    pub(super) fn groups_of(_: &CStr, _: Gid) -> io::Result<Vec<Gid>> {
        unsupported()
    }

    pub(super) fn groups() -> io::Result<Vec<Gid>> {
        unsupported()
    }

    pub(super) fn set_groups(_: &[Gid]) -> io::Result<()> {
        unsupported()
    }

    pub(super) fn set_group(_: Gid) -> io::Result<()> {
        unsupported()
    }

    pub(super) fn set_user(_: Uid) -> io::Result<()> {
        unsupported()
    }

    pub(super) fn set_no_new_privs() -> io::Result<()> {
        unsupported()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn privileges_names_are_looked_up() {
        let asked = |user: &str| Privileges {
            user: Some(user.into()),
            ..Privileges::default()
        };
        let root = asked("root").resolve().unwrap();
        assert_eq!(root.user, Some(Uid::from_raw(0)));
        assert_eq!(root.group, Some(Gid::from_raw(0)));
        let err = asked("no-such-user").resolve().unwrap_err();
        assert_eq!(err.to_string(), "there is no user no-such-user");
        let err = asked("123456789").resolve().unwrap_err();
        assert!(err.to_string().contains("give a group(..)"), "{err}");
        let numbers = Privileges {
            user: Some("123456789".into()),
            group: Some("5".into()),
            ..Privileges::default()
        };
        let numbers = numbers.resolve().unwrap();
        assert_eq!(numbers.groups, Some(vec![Gid::from_raw(5)]));
        assert!(Privileges::default().resolve().unwrap().groups.is_none());
    }
}
