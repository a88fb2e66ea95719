//! What a server is told about the place where it runs: the rest of the public handle.

use std::{path::PathBuf, time::Duration};

use super::{Server, body::ServerOutcome};

/// Operation, of which [`operations`](super::operations) tells: which rights the workers have, and who else has a say.
impl<W, M, A, E> Server<W, M, A, E> {
    /// Has the workers run as this user, by name or by number. Linux only.
    ///
    /// The parent keeps its own rights, which it needs to listen on behalf of later workers; it runs
    /// no code but the library's, the main context and the hooks. Each worker gives its rights up
    /// for good before any of your code runs in it: user, group, and supplementary groups, which
    /// become those of the user unless [`group`](Self::group) and
    /// [`supplementary_groups`](Self::supplementary_groups) say otherwise.
    ///
    /// This takes a server that is started as root. A worker that cannot give its rights up does not
    /// start, and a name that does not exist is an error of [`run`](Self::run).
    pub fn user(mut self, user: impl Into<String>) -> Self {
        self.setup.options.privileges.user = Some(user.into());
        self
    }

    /// Has the workers run with this group, by name or by number. Linux only.
    pub fn group(mut self, group: impl Into<String>) -> Self {
        self.setup.options.privileges.group = Some(group.into());
        self
    }

    /// Has the workers have these supplementary groups, by name or by number, and no others. Linux
    /// only.
    pub fn supplementary_groups<G: Into<String>>(
        mut self,
        groups: impl IntoIterator<Item = G>,
    ) -> Self {
        self.setup.options.privileges.groups = Some(groups.into_iter().map(Into::into).collect());
        self
    }

    /// The permissions that files and directories which the workers create do not get, such as
    /// `0o027`.
    pub fn umask(mut self, mask: u32) -> Self {
        self.setup.options.privileges.umask = Some(mask);
        self
    }

    /// Has neither the workers nor any program that they start gain rights, by set-user-ID programs
    /// for instance (`PR_SET_NO_NEW_PRIVS`). Linux only.
    pub fn no_new_privs(mut self) -> Self {
        self.setup.options.privileges.no_new_privs = true;
        self
    }

    /// Listens on a Unix socket at `path` for those who run the server: they can see into it, and
    /// have it reload, scale, upgrade and stop; see [operations](super::operations#control-socket).
    /// The file has mode 0600, and only root and the user of the server are listened to.
    ///
    /// A stale file is replaced, as with [`Listen::unix`](super::Listen::unix).
    pub fn control_socket(mut self, path: impl Into<PathBuf>) -> Self {
        self.setup.options.control_socket = Some(path.into());
        self
    }

    /// The program that takes the place of this one in an [upgrade](super#upgrade); the file that
    /// this one was started from, if this is not called.
    ///
    /// It is looked at when the upgrade is asked for, and refused if someone else could have put it
    /// there: if it, or a directory on the way to it, belongs to anyone but root and the user of the
    /// server, or can be written by others.
    pub fn upgrade_to(mut self, program: impl Into<PathBuf>) -> Self {
        self.setup.options.upgrade_to = Some(program.into());
        self
    }

    /// How long the new server of an [upgrade](super#upgrade) may take until all its workers are
    /// ready; 60 seconds if this is not called. Then it is stopped, and this one goes on.
    pub fn upgrade_timeout(mut self, limit: Duration) -> Self {
        self.setup.options.upgrade_timeout = limit;
        self
    }

    /// Calls `hook` in each worker process and [extra process](Self::extra_proc), with its index,
    /// before anything else of yours: there is no runtime yet. May be called several times.
    ///
    /// It may fail, as a worker may in its set-up. This is the place to name the process, to pin it
    /// to a processor, or to start a profiler.
    ///
    /// ```no_run
    /// # fn server<W>(server: aiotools::server::Server<W>) -> aiotools::server::Server<W> {
    /// server.prestart_hook(|index| println!("worker {index} is process {}", std::process::id()))
    /// # }
    /// ```
    pub fn prestart_hook<O: ServerOutcome>(
        mut self,
        hook: impl FnOnce(usize) -> O + 'static,
    ) -> Self {
        self.setup
            .prestart
            .push(Box::new(|index| hook(index).into_result()));
        self
    }

    /// Has the server go on when a worker or an [extra process](Self::extra_proc) fails, even if it
    /// never got ready, or fails in the stop.
    ///
    /// Such failures are logged and told to [`on_event`](Self::on_event), and are not in the result
    /// of [`run`](Self::run). A worker that never got ready leaves its place empty; one that did is
    /// [replaced](Self::restart) as ever. A restart policy that is exhausted stops the server all
    /// the same.
    pub fn ignore_child_interrupts(mut self) -> Self {
        self.setup.options.ignore_failures = true;
        self
    }
}
