//! A prefork server: worker processes that share listening sockets, each with its own tokio
//! runtime.
//!
//! ```no_run
//! use std::{io, sync::Arc, time::Duration};
//!
//! use aiotools::{ServerError, Signal, TaskContext, WorkerContext};
//! use tokio::net::{TcpListener, TcpStream};
//!
//! #[aiotools::server]
//! async fn worker(ctx: WorkerContext) -> io::Result<()> {
//!     let listener = ctx.listener("0.0.0.0:8888")?; // bound by the parent, shared by all workers
//!     let connections = Arc::new(TaskContext::new());
//!     let accepting = tokio::spawn(accept(listener, Arc::clone(&connections)));
//!
//!     let signal: Signal = yield_!(); // ready; resumes with the signal that stops the server
//!
//!     println!("worker {} stops on {signal}", ctx.process_index());
//!     accepting.abort();
//!     let _ = accepting.await; // from here on, no more are accepted
//!     connections.join().await; // and those that are open are served to their end
//!     Ok(())
//! }
//!
//! async fn accept(listener: TcpListener, connections: Arc<TaskContext>) {
//!     loop {
//!         match listener.accept().await {
//!             Ok((stream, _)) => drop(connections.spawn(echo(stream))),
//!             Err(_) => tokio::time::sleep(Duration::from_millis(50)).await, // out of descriptors, say
//!         }
//!     }
//! }
//!
//! async fn echo(mut stream: TcpStream) -> io::Result<()> {
//!     let (mut read, mut write) = stream.split();
//!     tokio::io::copy(&mut read, &mut write).await.map(drop)
//! }
//!
//! fn main() -> Result<(), ServerError> {
//!     aiotools::start_server(worker).bind("0.0.0.0:8888").workers(4).run()
//! }
//! ```
//!
//! # The life of a server
//!
//! | phase | parent | workers |
//! |---|---|---|
//! | [`Bound`](Phase::Bound) | has taken the stop signals and bound the listeners; sets up the main context | |
//! | [`Starting`](Phase::Starting) | forks the workers | run to their `yield_!` |
//! | [`Running`](Phase::Running) | waits | at their `yield_!`; their tasks serve |
//! | [`Stopping`](Phase::Stopping) | lets no new connection in and has the waiting ones accepted, then tells the workers | run on from their `yield_!`, which gives the stop signal |
//! | [`Killing`](Phase::Killing) | kills what is left after [`wait_timeout`](Server::wait_timeout), or on a second stop signal | |
//! | [`Ended`](Phase::Ended) | has ended the main context; gives the signals back | none is left |
//!
//! # What stops it
//!
//! - **A stop signal** (`SIGINT` and `SIGTERM`, or [others](Server::stop_signals)) to the parent.
//!   The first one is what workers and main context are told; a second one, of whichever kind, has
//!   the workers killed at once. One that comes before the workers are ready is not lost: what a
//!   worker has set up until then is dropped, like a cancelled task, its guards clean up, and the
//!   worker exits. A signal to the parent and, within a tenth of a second, to its process group is
//!   one request; `timeout(1)` does that.
//! - **A [handle](ServerHandle)**.
//! - **A worker that fails before it was ever ready**: by an error or a panic before its `yield_!`,
//!   by its death, by whatever hand, or by not being ready within
//!   [`ready_timeout`](Server::ready_timeout). It is noticed at once, the others are told to stop,
//!   and [`run`](Server::run) returns an error that names the worker. So the process ends with code
//!   1.
//! - **A worker that fails again and again**, more often than its [restart policy](RestartPolicy)
//!   allows.
//!
//! # What it survives
//!
//! A worker that dies or fails after it was ready has another one take its place, with the same
//! index. What befell it is logged, and told to [`on_event`](Server::on_event). The same holds for
//! a stop signal that comes to a *worker*: the parent is told. Where the parent got it too, as by
//! Ctrl-C in a terminal or from a service manager that signals all processes of a service, there is
//! one stop. Where it did not, that one worker is stopped, and replaced.
//!
//! Workers that are there and do nothing are found if they are asked, by a
//! [heartbeat](Server::heartbeat). Workers that get worse with time are replaced before they do harm,
//! if the server is told when: by [age](Server::max_age), [requests](Server::max_requests) or
//! [memory](Server::max_memory). A new worker is always ready before the one that it replaces is told
//! to stop, and one is replaced at a time.
//!
//! # The life of a worker
//!
//! ```text
//!            ready                   stop               end
//! starting ─────────────▶ serving ─────────▶ stopping ────────▶ gone
//!    │  ready_timeout        │  heartbeat        │  wait_timeout   ▲
//!    │  or its failure       │  or its failure   ▼                 │
//!    │                       │                 killed ─────────────┤
//!    ▼                       ▼                                     │
//!  at the first start:     told to stop, or gone already ──────────┘
//!    the server stops      another one takes its place,
//!  for a reload, recycling   after the backoff, within the budget
//!  or scaling: as before
//!  for a respawn: counts
//!    in the budget
//! ```
//!
//! # Reload
//!
//! On `SIGHUP`, and when a [handle](ServerHandle::reload) asks for it, the workers are replaced, one
//! after the other. A new worker is started beside the old one; when it is ready, and accepts on the
//! same listeners, the old one is told to stop, and when that has ended, or was killed after
//! [`wait_timeout`](Server::wait_timeout), it is the next one's turn. If a new worker fails, or is
//! not ready within [`ready_timeout`](Server::ready_timeout), the reload is over, and the old ones
//! that are left stay. A reload that is asked for during another one follows it.
//!
//! The new workers are forks of the same parent, and so have the same code, main context and
//! arguments: what a worker reads in its set-up is read again.
//!
//! # Upgrade
//!
//! On `SIGUSR2`, and when a [handle](ServerHandle::upgrade) or the
//! [control socket](Server::control_socket) asks for it, another server takes the place of this one:
//! the [program](Server::upgrade_to), which may have been replaced in the meantime, is started with
//! the same arguments and the same sockets. When all its workers are ready, it takes the sockets
//! over, and this server stops; nobody is sent away in between, as the sockets stay open. If it
//! fails, or is not ready within [`upgrade_timeout`](Server::upgrade_timeout), it is ended, and this
//! server goes on as if nothing had happened. What comes of it is told to
//! [`on_event`](Server::on_event).
//!
//! The new server finds its sockets by what it [listens on](Server::bind_with): the same address,
//! path or name. What it does not ask for stays with this server, which has the connections that wait
//! there accepted before it stops, as at any stop. Two listeners on the same text, such as
//! `"127.0.0.1:0"`, are told apart by their order.
//!
//! # Signals to the parent
//!
//! | signal | what it does |
//! |---|---|
//! | `SIGINT`, `SIGTERM` | stop; the second one, at once |
//! | `SIGHUP` | reload |
//! | `SIGUSR1` | log what all processes are doing, or print it to standard error where nothing takes the log |
//! | `SIGUSR2` | upgrade |
//! | `SIGTTIN`, `SIGTTOU` | one worker more, one worker less |
//!
//! A signal that is chosen as a [stop signal](Server::stop_signals) means that alone. Workers that
//! [run to completion](Server::run_to_completion) know no reload and no scaling; the signals then do
//! what they do in any process. Only processes of the same user, and of root, can send any of them:
//! the kernel sees to that.
//!
//! # What never happens
//!
//! - **A worker without its parent.** When the parent ends, be it by `kill -9`, the kernel kills
//!   the workers (`PR_SET_PDEATHSIG`; outside of Linux a worker ends itself when it notices).
//! - **A zombie, or a changed signal mask**, after [`run`](Server::run), on any path.
//! - **A lost connection.** The listeners are the parent's, so the end of a worker closes no queue.
//!   In a stop, what waits in the queues is still accepted before the workers are told (for up to
//!   one second; on Linux for TCP, and for Unix sockets everywhere). It remains for the worker to
//!   finish what it has accepted.
//!
//! # In a worker
//!
//! The workers are forks of the parent: they start with a copy of all its memory, but of its
//! threads only one. This is why the parent must have no threads, and must leave tokio alone: each
//! worker makes its own runtime. Beside the threads of that, a worker has one by which it hears the
//! parent, so that it can tell its task tree even when all others are blocked. What the parent made and lends to the workers, the value of the
//! main context and the arguments, is dropped by the parent only.

mod bind;
mod body;
mod builder;
mod context;
mod control;
mod control_socket;
mod door;
mod ear;
mod environment;
mod error;
mod event;
mod extra;
mod failure;
mod handle;
mod inherited;
mod json;
mod listen;
mod listeners;
mod main_context;
mod notify;
mod observer;
mod operation;
mod options;
mod parent;
mod phase;
mod privileges;
mod reuse_port;
mod run;
mod runtime;
mod service;
mod signal_queue;
mod socket_file;
mod status;
mod supervision;
mod sys;
mod trust;
mod upgrade;
mod worker;

pub use body::Worker;
#[doc(hidden)]
pub use body::{ServerOutcome, ServerWorker};
pub use builder::Server;
#[doc(hidden)]
pub use context::{IsWorkerContext, assert_worker_context};
pub use context::{OpenConnection, WorkerContext, process_index};
pub use error::ServerError;
pub use event::{RecycleCause, ServerEvent};
#[doc(hidden)]
pub use extra::ExtraProcs;
pub use extra::{ExtraContext, StopSignal};
pub use failure::WorkerFailure;
pub use handle::ServerHandle;
pub use listen::Listen;
#[doc(hidden)]
pub use listen::ListenAddr;
pub use main_context::MainContext;
#[doc(hidden)]
pub use main_context::{EnteredMainContext, IntoMainContext, NoMainContext};
pub use phase::{Phase, Ready, WorkerPhase};
pub use runtime::IntoWorkerRuntime;
pub use status::{ServerStatus, WorkerState, WorkerStatus};
pub use supervision::RestartPolicy;

#[doc(inline)]
pub use crate::process::{Signal, UnknownSignal};

#[doc = include_str!("operations.md")]
pub mod operations {}

#[doc = include_str!("threat_model.md")]
pub mod threat_model {}

/// Makes a server of `worker`, a function marked with [`#[server]`](macro@crate::server);
/// [`Server::run`] runs it.
///
/// # Examples
///
/// ```no_run
/// use aiotools::{ServerError, WorkerContext};
///
/// struct Config {
///     greeting: String,
/// }
///
/// #[aiotools::main_context]
/// fn setup() -> Config {
///     let signal = yield_!(Config { greeting: "hello".into() });
///     println!("stopped by {signal}");
/// }
///
/// #[aiotools::server]
/// async fn worker(ctx: WorkerContext<Config, u32>) {
///     println!("{} from worker {}", ctx.main_context().greeting, ctx.process_index());
///     assert_eq!(*ctx.args(), 42);
///     yield_!();
/// }
///
/// fn main() -> Result<(), ServerError> {
///     aiotools::start_server(worker).main_context(setup).args(42).workers(2).run()
/// }
/// ```
pub fn start_server<W>(worker: W) -> Server<W> {
    Server::new(worker)
}
