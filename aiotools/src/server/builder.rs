//! The public handle: what a server is made of.

use std::{fmt, io, path::PathBuf, time::Duration};

use tokio::runtime::{Builder, Runtime};

use super::{
    IntoWorkerRuntime, Listen, Phase, Ready, RestartPolicy, ServerEvent, Signal,
    body::ServerOutcome,
    error::BoxError,
    extra::ExtraContext,
    handle::{Requests, ServerHandle},
    listen::ListenAddr,
    main_context::{IntoMainContext, NoMainContext},
    observer::Observer,
    options::Options,
};

/// A server that has not started: [`start_server`](super::start_server) makes one, and
/// [`run`](Server::run) runs it.
#[must_use = "a server does nothing until it is `run`"]
pub struct Server<W, M = NoMainContext, A = (), E = ()> {
    pub(super) worker: W,
    pub(super) main_context: M,
    pub(super) args: A,
    pub(super) extras: E,
    pub(super) setup: Setup,
}

/// What is the same for a server of any worker.
pub(super) struct Setup {
    pub(super) options: Options,
    pub(super) runtime: Box<dyn FnOnce() -> io::Result<Runtime>>,
    pub(super) prestart: Vec<Prestart>,
    pub(super) observer: Observer,
    pub(super) requests: Option<Requests>,
}

/// Called in a new process, with its index.
pub(super) type Prestart = Box<dyn FnOnce(usize) -> Result<(), BoxError>>;

impl<W> Server<W> {
    pub(super) fn new(worker: W) -> Self {
        Self {
            worker,
            main_context: NoMainContext,
            args: (),
            extras: (),
            setup: Setup {
                options: Options::default(),
                runtime: Box::new(|| Builder::new_current_thread().into_worker_runtime()),
                prestart: Vec::new(),
                observer: Observer::default(),
                requests: None,
            },
        }
    }
}

impl<W, M, A, E> Server<W, M, A, E> {
    /// Runs `main_context`, a function marked with [`#[main_context]`](macro@crate::main_context), in the
    /// parent, around the life of all workers.
    ///
    /// What it yields reaches each worker as [`WorkerContext::main_context`](super::WorkerContext::main_context). It is set up after
    /// the listeners are bound and before the first worker is started, so it must not start threads
    /// or use tokio. After the last worker has ended, its `yield_!` resumes with the stop signal.
    /// Its end is the one part of the stop that has no limit.
    pub fn main_context<M2: IntoMainContext>(self, main_context: M2) -> Server<W, M2, A, E> {
        let Self {
            worker,
            args,
            extras,
            setup,
            ..
        } = self;
        Server {
            worker,
            main_context,
            args,
            extras,
            setup,
        }
    }

    /// Gives each worker `args`, as [`WorkerContext::args`](super::WorkerContext::args).
    ///
    /// No copy is made but that of the fork, so it need not be `Clone`. Only the parent drops it.
    pub fn args<A2: 'static>(self, args: A2) -> Server<W, M, A2, E> {
        let Self {
            worker,
            main_context,
            extras,
            setup,
            ..
        } = self;
        Server {
            worker,
            main_context,
            args,
            extras,
            setup,
        }
    }

    /// Runs `function` in a process of its own, beside the workers and without a runtime: a scheduler,
    /// a collector of metrics, a tail of a log. May be called several times.
    ///
    /// It is given an [`ExtraContext`], and must end when its [`stop`](ExtraContext::stop) says so;
    /// after [`wait_timeout`](Self::wait_timeout) it is killed. If it ends before, and well, it is
    /// not started again. If it fails, by an error, a panic or in any other way, what holds for a
    /// worker that has been ready holds for it: it is started again, or the server stops, as the
    /// [restart policy](Self::restart) says. A reload leaves it alone. In a server whose workers
    /// [run to completion](Self::run_to_completion), its end is waited for as well.
    ///
    /// As it begins before any thread does, it may make a runtime of its own.
    ///
    /// ```no_run
    /// use std::{io, time::Duration};
    ///
    /// use aiotools::{ServerError, WorkerContext, server::ExtraContext};
    ///
    /// #[aiotools::server]
    /// async fn worker(ctx: WorkerContext) {
    ///     yield_!();
    /// }
    ///
    /// fn heartbeat(ctx: ExtraContext) -> io::Result<()> {
    ///     while ctx.stop().wait_timeout(Duration::from_secs(1)).is_none() {
    ///         println!("alive");
    ///     }
    ///     Ok(())
    /// }
    ///
    /// fn main() -> Result<(), ServerError> {
    ///     aiotools::start_server(worker).workers(2).extra_proc(heartbeat).run()
    /// }
    /// ```
    pub fn extra_proc<F, C, B, O>(self, function: F) -> Server<W, M, A, (E, F)>
    where
        F: FnOnce(ExtraContext<C, B>) -> O,
        C: 'static,
        B: 'static,
        O: ServerOutcome,
    {
        let Self {
            worker,
            main_context,
            args,
            extras,
            setup,
        } = self;
        Server {
            worker,
            main_context,
            args,
            extras: (extras, function),
            setup,
        }
    }

    /// Listens on a TCP address, such as `"0.0.0.0:8888"`, `"[::1]:0"`, `"localhost:80"` or a
    /// [`SocketAddr`](std::net::SocketAddr).
    ///
    /// The workers find the listener by the same text ([`WorkerContext::listener`](super::WorkerContext::listener)). Port 0 has the
    /// system choose one; [`WorkerContext::local_addrs`](super::WorkerContext::local_addrs) and [`Ready::local_addrs`] tell which. May
    /// be called several times.
    pub fn bind(mut self, addr: impl ListenAddr) -> Self {
        self.setup.options.listen.push(Listen::tcp(addr));
        self
    }

    /// Listens on a Unix socket at `path`, for [`WorkerContext::unix_listener`](super::WorkerContext::unix_listener). See
    /// [`Listen::unix`] for what happens to the file. May be called several times.
    pub fn bind_unix(mut self, path: impl Into<PathBuf>) -> Self {
        self.setup.options.listen.push(Listen::unix(path));
        self
    }

    /// Listens as `listen` says: under a name, with a backlog of its own, on a socket that systemd
    /// passes. May be called several times, beside [`bind`](Self::bind) and
    /// [`bind_unix`](Self::bind_unix).
    ///
    /// ```no_run
    /// use aiotools::server::Listen;
    /// # fn server<W>(server: aiotools::server::Server<W>) -> aiotools::server::Server<W> {
    /// server
    ///     .bind_with(Listen::tcp("0.0.0.0:80").backlog(4096).name("http"))
    ///     .bind_with(Listen::unix("/run/app/admin.sock").mode(0o660))
    /// # }
    /// ```
    pub fn bind_with(mut self, listen: Listen) -> Self {
        self.setup.options.listen.push(listen);
        self
    }

    /// How many worker processes to run; 1 if this is not called.
    pub fn workers(mut self, count: usize) -> Self {
        self.setup.options.workers = count;
        self
    }

    /// The signals that stop the server, in place of [`Signal::INT`] and [`Signal::TERM`]. All
    /// others keep what they do.
    ///
    /// Where the server stops without having been sent one, its code is told [`Signal::TERM`] if
    /// that is among them, and else the one with the lowest number.
    pub fn stop_signals(mut self, signals: impl IntoIterator<Item = Signal>) -> Self {
        self.setup.options.stop_signals.clear();
        for signal in signals {
            if !self.setup.options.stop_signals.contains(&signal) {
                self.setup.options.stop_signals.push(signal);
            }
        }
        self
    }

    /// How long the workers have to stop, from the decision on; 30 seconds if this is not called.
    /// Then what is left of them is killed.
    ///
    /// [`Duration::MAX`] is for ever.
    pub fn wait_timeout(mut self, limit: Duration) -> Self {
        self.setup.options.wait_timeout = limit;
        self
    }

    /// How long a worker may take to come to its `yield_!`; 60 seconds if this is not called. Then
    /// it is told to stop, with [`wait_timeout`](Self::wait_timeout) to do so, and counts as one
    /// that failed.
    ///
    /// [`Duration::MAX`] is for ever. Workers that [run to
    /// completion](Self::run_to_completion) have no limit.
    pub fn ready_timeout(mut self, limit: Duration) -> Self {
        self.setup.options.ready_timeout = limit;
        self
    }

    /// What becomes of the place of a worker that dies, or fails, after it has been ready; another
    /// worker takes it, as the [default](RestartPolicy::default) says, if this is not called.
    pub fn restart(mut self, policy: RestartPolicy) -> Self {
        self.setup.options.restart = policy;
        self
    }

    /// Asks each worker every `interval` whether it is alive; one whose runtime does not answer
    /// within `limit` is replaced. Workers are not asked if this is not called.
    ///
    /// What answers is a task on the runtime of the worker, so a worker answers for as long as its
    /// runtime gets round to its tasks: a current-thread runtime that is blocked does not, nor does
    /// one whose threads are all blocked. When a worker has not answered in time, it is asked for
    /// its [task tree](crate::task::dump), which is logged and told as [`ServerEvent::WorkerHung`];
    /// that comes from a thread of its own. Then it is told to stop and sent `SIGTERM`, and another
    /// one is started in its place. If it does not stop within another `limit`, or
    /// [`wait_timeout`](Self::wait_timeout) if that is shorter, it is killed.
    ///
    /// A good `limit` is well above the longest time for which the worker may be busy without an
    /// `.await`.
    pub fn heartbeat(mut self, interval: Duration, limit: Duration) -> Self {
        self.setup.options.heartbeat = Some((interval, limit));
        self
    }

    /// Replaces each worker that has been ready for this long, or, by chance, for up to a quarter
    /// longer, so that workers that were started together are not all replaced together.
    ///
    /// As in a [reload](super#reload), the new worker is ready before the old one is told to stop.
    /// At most one worker is replaced at a time, whatever the cause. If the new one fails, the old
    /// one serves on, and it is tried again after the longest wait of the
    /// [backoff](RestartPolicy::backoff).
    pub fn max_age(mut self, age: Duration) -> Self {
        self.setup.options.max_age = Some(age);
        self
    }

    /// Replaces each worker that has served this many requests, or, by chance, up to a quarter
    /// more; as with [`max_age`](Self::max_age). The worker
    /// [counts](super::WorkerContext::count_request) them.
    pub fn max_requests(mut self, requests: u64) -> Self {
        self.setup.options.max_requests = Some(requests);
        self
    }

    /// Replaces each worker whose resident memory is larger than this, in bytes; as with
    /// [`max_age`](Self::max_age). It is measured once per second, on Linux; elsewhere this has no
    /// effect.
    ///
    /// What the workers share with the parent counts for each of them.
    pub fn max_memory(mut self, bytes: u64) -> Self {
        self.setup.options.max_memory = Some(bytes);
        self
    }

    /// Does not have the workers wait for a stop: their `yield_!` resumes at once, with the signal
    /// that [`stop_signals`](Self::stop_signals) tells of.
    ///
    /// The server ends when the last worker has. The failure of a worker stops none of the others;
    /// it is logged when it is noticed, and all are in the error that [`run`](Self::run) returns in
    /// the end. There is no limit of time until a stop signal comes; then what is still before its
    /// `yield_!` is dropped, and the rest has [`wait_timeout`](Self::wait_timeout).
    pub fn run_to_completion(mut self) -> Self {
        self.setup.options.run_to_completion = true;
        self
    }

    /// Has `make` make the tokio runtime of each worker, in the worker; a current-thread one if
    /// this is not called.
    ///
    /// ```no_run
    /// # fn server<W>(server: aiotools::server::Server<W>) -> aiotools::server::Server<W> {
    /// server.worker_runtime(|| {
    ///     let mut runtime = tokio::runtime::Builder::new_multi_thread();
    ///     runtime.worker_threads(2).thread_name("worker");
    ///     runtime
    /// })
    /// # }
    /// ```
    pub fn worker_runtime<R: IntoWorkerRuntime>(
        mut self,
        make: impl FnOnce() -> R + 'static,
    ) -> Self {
        self.setup.runtime = Box::new(|| make().into_worker_runtime());
        self
    }

    /// Calls `watch` in the parent at each change of [`Phase`].
    ///
    /// It holds up the server while it runs, and must not start threads or use tokio. May be called
    /// several times.
    pub fn on_phase(mut self, watch: impl FnMut(Phase) + 'static) -> Self {
        self.setup.observer.on_phase.push(Box::new(watch));
        self
    }

    /// Calls `watch` in the parent when all workers are ready, right after [`Phase::Running`] was
    /// told.
    ///
    /// It holds up the server while it runs, and must not start threads or use tokio. May be called
    /// several times.
    pub fn on_ready(mut self, watch: impl FnMut(&Ready) + 'static) -> Self {
        self.setup.observer.on_ready.push(Box::new(watch));
        self
    }

    /// Calls `watch` in the parent at each [`ServerEvent`]: when a worker starts, is ready, ends or
    /// fails, and when the server does something about it. The same is logged, by `tracing`.
    ///
    /// It holds up the server while it runs, and must not start threads or use tokio. May be called
    /// several times.
    pub fn on_event(mut self, watch: impl FnMut(&ServerEvent) + 'static) -> Self {
        self.setup.observer.on_event.push(Box::new(watch));
        self
    }

    /// A handle to ask the server for something while it runs.
    ///
    /// # Errors
    ///
    /// If the system has no pipe left.
    pub fn handle(&mut self) -> io::Result<ServerHandle> {
        let requests = match self.setup.requests.take() {
            Some(requests) => requests,
            None => Requests::new()?,
        };
        Ok(self.setup.requests.insert(requests).handle())
    }

    /// Does without what only Linux has, to test that this works.
    #[doc(hidden)]
    pub fn portable(mut self) -> Self {
        self.setup.options.portable = true;
        self
    }
}

impl<W, M, A, E> fmt::Debug for Server<W, M, A, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("options", &self.setup.options)
            .finish_non_exhaustive()
    }
}
