//! What a worker is given.

use std::{
    fmt, io,
    net::SocketAddr,
    path::Path,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
};

use tokio::net::{TcpListener, UnixListener};

use super::{
    control::{Picture, Report, WorkerEnd},
    listeners::Listeners,
    worker::Seat,
};

/// What a worker is given: its listeners, its place among the workers, and what the parent has
/// prepared for it.
///
/// `C` is the type that the [main context](super::Server::main_context) yields and `A` that of the
/// [arguments](super::Server::args); both are `()` where there are none. A context is a small
/// copyable handle, good for the whole life of the process, so that any task of the worker may keep
/// one.
pub struct WorkerContext<C: 'static = (), A: 'static = ()> {
    inner: &'static Inner<C, A>,
}

struct Inner<C: 'static, A> {
    main_context: &'static C,
    args: A,
    index: usize,
    shared: Shared,
}

/// What the library keeps of a context, whatever its types are.
pub(super) struct Shared {
    /// `None` once the server is stopping.
    listeners: Mutex<Option<Listeners>>,
    local_addrs: Vec<SocketAddr>,
    control: Arc<WorkerEnd>,
    requests: AtomicU64,
    request_limit: Option<u64>,
    connections: AtomicU64,
}

impl Shared {
    /// Lets go of the listeners, so that a port is closed as soon as the worker's own handles are.
    pub(super) fn close_listeners(&self) {
        *self
            .listeners
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// What this process is doing.
    pub(super) fn picture(&self) -> Picture {
        Picture {
            // Relaxed, here and below: the counters say nothing about other memory.
            requests: self.requests.load(Ordering::Relaxed),
            connections: self.connections.load(Ordering::Relaxed),
            tree: crate::task::dump().to_string(),
        }
    }

    fn count_request(&self) {
        let before = self.requests.fetch_add(1, Ordering::Relaxed);
        // Each number is had once, so this is said once.
        if self.request_limit == Some(before + 1) {
            self.control.report(&Report::Worn);
        }
    }
}

impl<C: 'static, A: 'static> WorkerContext<C, A> {
    /// Makes the context of this process. The arguments are never dropped: they are an image of
    /// the parent's, and their end is the parent's to see to.
    pub(super) fn new(
        seat: &Seat,
        main_context: &'static C,
        args: A,
        listeners: Listeners,
    ) -> Self {
        let index = seat.index;
        let listeners = listeners.for_worker(seat.slot);
        let local_addrs = listeners.local_addrs().collect();
        let shared = Shared {
            listeners: Mutex::new(Some(listeners)),
            local_addrs,
            control: seat.control.clone(),
            requests: AtomicU64::new(0),
            request_limit: seat.request_limit,
            connections: AtomicU64::new(0),
        };
        Self {
            inner: Box::leak(Box::new(Inner {
                main_context,
                args,
                index,
                shared,
            })),
        }
    }

    pub(super) fn shared(&self) -> &'static Shared {
        &self.inner.shared
    }

    /// The listener that the parent bound for `addr`, as a tokio listener of this worker's runtime.
    ///
    /// `addr` is what was given to [`Server::bind`](super::Server::bind), or the
    /// [name](super::Listen::name) of the listener, or the address that came of it. All workers
    /// accept from the same queue, unless it is one per worker by
    /// [`reuse_port`](super::Listen::reuse_port). The listener is non-blocking. Each call gives a
    /// handle of its own to the same socket. Of several that match, it is the first.
    ///
    /// # Errors
    ///
    /// If `addr` was not bound (the message lists what was), if the server is already stopping, or
    /// if the system fails.
    ///
    /// # Panics
    ///
    /// Outside of the worker's runtime, as [`TcpListener::from_std`] does.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # use aiotools::WorkerContext;
    /// # async fn worker(ctx: WorkerContext) -> std::io::Result<()> {
    /// let listener = ctx.listener("127.0.0.1:8888")?;
    /// let (stream, peer) = listener.accept().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn listener(&self, addr: impl fmt::Display) -> io::Result<TcpListener> {
        let found = self.with_listeners(|listeners| listeners.tcp(&addr.to_string()))?;
        first(found).and_then(TcpListener::from_std)
    }

    /// All TCP listeners that [`listener`](Self::listener) could give for `addr`: where two were
    /// bound to the same text, such as `"127.0.0.1:0"`, or where systemd passed several sockets
    /// under one name. There is at least one.
    ///
    /// # Errors
    ///
    /// As [`listener`](Self::listener).
    ///
    /// # Panics
    ///
    /// As [`listener`](Self::listener).
    pub fn listeners(&self, addr: impl fmt::Display) -> io::Result<Vec<TcpListener>> {
        let found = self.with_listeners(|listeners| listeners.tcp(&addr.to_string()))?;
        found.into_iter().map(TcpListener::from_std).collect()
    }

    /// The listener that the parent bound at `path` with
    /// [`Server::bind_unix`](super::Server::bind_unix), or that has this
    /// [name](super::Listen::name), as a tokio listener of this worker's runtime.
    ///
    /// # Errors
    ///
    /// If `path` was not bound (the message lists what was), if the server is already stopping, or
    /// if the system fails.
    ///
    /// # Panics
    ///
    /// Outside of the worker's runtime, as [`UnixListener::from_std`] does.
    pub fn unix_listener(&self, path: impl AsRef<Path>) -> io::Result<UnixListener> {
        let found = self.with_listeners(|listeners| listeners.unix(path.as_ref()))?;
        first(found).and_then(UnixListener::from_std)
    }

    /// All Unix listeners that [`unix_listener`](Self::unix_listener) could give for `path`. There
    /// is at least one.
    ///
    /// # Errors
    ///
    /// As [`unix_listener`](Self::unix_listener).
    ///
    /// # Panics
    ///
    /// As [`unix_listener`](Self::unix_listener).
    pub fn unix_listeners(&self, path: impl AsRef<Path>) -> io::Result<Vec<UnixListener>> {
        let found = self.with_listeners(|listeners| listeners.unix(path.as_ref()))?;
        found.into_iter().map(UnixListener::from_std).collect()
    }

    fn with_listeners<T>(&self, get: impl FnOnce(&Listeners) -> io::Result<T>) -> io::Result<T> {
        match &*self
            .inner
            .shared
            .listeners
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
        {
            Some(listeners) => get(listeners),
            None => Err(io::Error::other(
                "the listeners are closed, as the server is stopping",
            )),
        }
    }

    /// The addresses of the TCP listeners, in the order of the calls of
    /// [`Server::bind`](super::Server::bind); they tell the port that came of a `:0`.
    #[must_use]
    pub fn local_addrs(&self) -> &'static [SocketAddr] {
        &self.inner.shared.local_addrs
    }

    /// What the main context yielded. It is this process's copy, as of the fork; it is not dropped
    /// when the worker ends.
    #[must_use]
    pub fn main_context(&self) -> &'static C {
        self.inner.main_context
    }

    /// What was given to [`Server::args`](super::Server::args). It is this process's copy, as of
    /// the fork; it is not dropped when the worker ends.
    #[must_use]
    pub fn args(&self) -> &'static A {
        &self.inner.args
    }

    /// Counts a request that this worker has served, for the status of the server and for
    /// [`Server::max_requests`](super::Server::max_requests).
    ///
    /// What a request is, is up to the worker. This costs one atomic addition.
    ///
    /// ```no_run
    /// # use aiotools::WorkerContext;
    /// # async fn serve(ctx: WorkerContext, stream: tokio::net::TcpStream) {
    /// // when a request has been answered:
    /// ctx.count_request();
    /// # }
    /// ```
    pub fn count_request(&self) {
        self.inner.shared.count_request();
    }

    /// Counts a connection that this worker has open, for the status of the server, until what is
    /// returned is dropped.
    ///
    /// ```no_run
    /// # use aiotools::WorkerContext;
    /// # async fn serve(ctx: WorkerContext, stream: tokio::net::TcpStream) {
    /// let _open = ctx.count_connection();
    /// // .. serve it
    /// # }
    /// ```
    #[must_use = "the connection is counted until this is dropped"]
    pub fn count_connection(&self) -> OpenConnection {
        let shared = self.shared();
        shared.connections.fetch_add(1, Ordering::Relaxed);
        OpenConnection { shared }
    }

    /// The index of this worker, from 0.
    #[must_use]
    pub fn process_index(&self) -> usize {
        self.inner.index
    }
}

impl<C: 'static, A: 'static> Clone for WorkerContext<C, A> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<C: 'static, A: 'static> Copy for WorkerContext<C, A> {}

impl<C: fmt::Debug, A: fmt::Debug> fmt::Debug for WorkerContext<C, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WorkerContext")
            .field("process_index", &self.inner.index)
            .field("main_context", &self.inner.main_context)
            .field("args", &self.inner.args)
            .field("local_addrs", &self.inner.shared.local_addrs)
            .finish()
    }
}

fn first<T>(found: Vec<T>) -> io::Result<T> {
    found.into_iter().next().ok_or_else(|| {
        io::Error::new(
            io::ErrorKind::AddrNotAvailable,
            "the socket of this worker is gone",
        )
    })
}

/// A connection that is counted as open until this is dropped; from
/// [`WorkerContext::count_connection`].
pub struct OpenConnection {
    shared: &'static Shared,
}

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.shared.connections.fetch_sub(1, Ordering::Relaxed);
    }
}

impl fmt::Debug for OpenConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenConnection").finish_non_exhaustive()
    }
}

/// Implemented by [`WorkerContext`] alone, for a good message where it should stand.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "a worker takes a `WorkerContext`, not `{Self}`",
    label = "write `WorkerContext`, or `WorkerContext<C, A>`",
    note = "`C` is what the main context yields, and `A` what `Server::args` is given"
)]
pub trait IsWorkerContext {}

impl<C: 'static, A: 'static> IsWorkerContext for WorkerContext<C, A> {}

/// Checks, where `#[server]` expands, the type of the parameter.
#[doc(hidden)]
pub fn assert_worker_context<T: IsWorkerContext>() {}

/// The index of this process; `NOT_A_WORKER` in one that is none.
static PROCESS_INDEX: AtomicUsize = AtomicUsize::new(NOT_A_WORKER);
const NOT_A_WORKER: usize = usize::MAX;

pub(super) fn set_process_index(index: usize) {
    // Relaxed: stored before the worker has a second thread.
    PROCESS_INDEX.store(index, Ordering::Relaxed);
}

/// The index, from 0, of the worker process that this is called in; `None` outside of a worker, as
/// in the parent.
///
/// ```
/// assert_eq!(aiotools::process_index(), None);
/// ```
#[must_use]
pub fn process_index() -> Option<usize> {
    match PROCESS_INDEX.load(Ordering::Relaxed) {
        NOT_A_WORKER => None,
        index => Some(index),
    }
}
