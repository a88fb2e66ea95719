//! The public handle: what a child is made of.

use std::{
    fmt,
    future::{Future, IntoFuture},
    os::fd::OwnedFd,
    pin::Pin,
    time::{Duration, Instant},
};

use tokio::runtime::Handle;

use super::{
    AforkError, ChildContext, ChildProcess,
    channel::MOST_FDS,
    child::{Origin, Progress},
    child_fn::{ChildFn, ChildOutcome, Entry, entry},
    error::Kind,
    fork_server::{self, LONGEST_ARG},
    local,
};

const READY_TIMEOUT: Duration = Duration::from_secs(30);

/// Starts a child process that runs `function`, which is a `fn() -> R` or a `fn(ChildContext) -> R` with `()`,
/// `u8` or a `Result` of them for `R`; a closure without captures will do.
///
/// Awaited, the result is a [`ChildProcess`], once the child is ready: when a function without parameter is entered, or
/// when a function with a [`ChildContext`] calls [`ready`](ChildContext::ready). [The module](super) says where the
/// child comes from and what it finds.
///
/// # Errors
///
/// If this process [must not be forked](AforkError::is_refused), as far as that [can be seen](super#where-the-child-comes-from),
/// and has no [`ForkServer`](super::ForkServer); if the
/// child ends [before it is ready](AforkError::exit_status), or is not ready [in time](AforkError::is_timeout).
///
/// # Panics
///
/// The future, in a tokio runtime without I/O and time.
///
/// # Cancel safety
///
/// If the future is dropped before it is done, the child is killed.
///
/// # Examples
///
/// ```
/// use aiotools::{afork, process::ChildContext};
///
/// fn sum(ctx: ChildContext) -> Result<u8, &'static str> {
///     let sum = ctx.arg().iter().sum();
///     ctx.ready();
///     Ok(sum)
/// }
///
/// #[aiotools::main(fork_server, flavor = current_thread)]
/// async fn main() -> Result<(), Box<dyn std::error::Error>> {
///     let child = afork(sum).arg([1, 2, 3]).await?;
///     assert_eq!(child.wait().await?.code(), Some(6));
///     Ok(())
/// }
/// ```
///
/// What is captured would be lost on the way, so that it is not allowed:
///
/// ```compile_fail
/// let code = 7;
/// let child = aiotools::afork(move || code);
/// ```
pub fn afork<F, Args>(function: F) -> Afork
where
    F: ChildFn<Args> + Copy + Send + 'static,
{
    Afork::new(Body::Entry(entry(function)))
}

/// A child that has not been started: [`afork`] makes one, `.await` or [`blocking`](Self::blocking) starts it.
#[must_use = "no child is started until this is awaited"]
pub struct Afork {
    body: Body,
    arg: Vec<u8>,
    fds: Vec<OwnedFd>,
    kill_on_drop: bool,
    ready_timeout: Duration,
    portable: bool,
}

enum Body {
    Entry(Entry),
    Closure(Box<dyn FnOnce(ChildContext) -> u8 + Send>),
}

impl Afork {
    fn new(body: Body) -> Self {
        Self {
            body,
            arg: Vec::new(),
            fds: Vec::new(),
            kill_on_drop: false,
            ready_timeout: READY_TIMEOUT,
            portable: false,
        }
    }

    /// A child of this very process that runs a closure, with what it captures. It never goes through the fork server, so
    /// it is refused where tokio is in use.
    ///
    /// ```
    /// use aiotools::process::Afork;
    ///
    /// fn main() -> Result<(), Box<dyn std::error::Error>> {
    ///     let numbers = vec![3, 4];
    ///     let child = Afork::closure(move |ctx| {
    ///         ctx.ready();
    ///         numbers.iter().sum::<u8>()
    ///     })
    ///     .blocking()?;
    ///     assert_eq!(child.wait_blocking()?.code(), Some(7));
    ///     Ok(())
    /// }
    /// ```
    pub fn closure<R: ChildOutcome>(body: impl FnOnce(ChildContext) -> R + Send + 'static) -> Self {
        Self::new(Body::Closure(Box::new(|ctx| body(ctx).code())))
    }

    /// What the child finds as [`ChildContext::arg`]: at most 64 KiB.
    pub fn arg(mut self, arg: impl Into<Vec<u8>>) -> Self {
        self.arg = arg.into();
        self
    }

    /// Gives the child a descriptor, to be had by [`ChildContext::take_fds`]. May be called several times, up to 250.
    /// This process lets go of its own when the child has it.
    pub fn fd(mut self, fd: impl Into<OwnedFd>) -> Self {
        self.fds.push(fd.into());
        self
    }

    /// Whether the child is sent `SIGKILL` when its [`ChildProcess`] is dropped; not if this is not called.
    pub fn kill_on_drop(mut self, kill: bool) -> Self {
        self.kill_on_drop = kill;
        self
    }

    /// How long the child may take to be ready, 30 seconds if this is not called; then it is killed.
    pub fn ready_timeout(mut self, limit: Duration) -> Self {
        self.ready_timeout = limit;
        self
    }

    /// Does without pidfds, to test that this works.
    #[doc(hidden)]
    pub fn portable(mut self) -> Self {
        self.portable = true;
        self
    }

    /// Starts the child and waits on this thread until it is ready; for a program without a runtime.
    ///
    /// # Errors
    ///
    /// As [`afork`]. Inside a tokio runtime, whose thread must not be blocked, it is refused.
    pub fn blocking(self) -> Result<ChildProcess, AforkError> {
        if Handle::try_current().is_ok() {
            return Err(Kind::Tokio.into());
        }
        let (limit, kill_on_drop) = (self.ready_timeout, self.kill_on_drop);
        let deadline = Instant::now().checked_add(limit);
        let mut start = Start::of(self)?;
        while let Err(err) = start.send() {
            if err.kind() != std::io::ErrorKind::WouldBlock {
                return Err(fork_server::not_sent(err));
            }
            fork_server::wait_for_room();
        }
        let child = start.child;
        match child.until_blocking(deadline, ready) {
            Some(started) => finish(child, started?, kill_on_drop),
            None => Err(Kind::Late(limit).into()),
        }
    }

    async fn start(self) -> Result<ChildProcess, AforkError> {
        if Handle::try_current().is_err() {
            // There is no thread of a runtime that could be blocked.
            return self.blocking();
        }
        let (limit, kill_on_drop) = (self.ready_timeout, self.kill_on_drop);
        let mut start = Start::of(self)?;
        let started = tokio::time::timeout(limit, async {
            while let Err(err) = start.send() {
                if err.kind() != std::io::ErrorKind::WouldBlock {
                    return Err(fork_server::not_sent(err));
                }
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            start.child.until(ready).await
        });
        match started.await {
            Ok(pid) => finish(start.child, pid?, kill_on_drop),
            Err(_) => Err(Kind::Late(limit).into()),
        }
    }
}

/// A child on its way.
struct Start {
    /// Killed if it is dropped before it is ready.
    child: ChildProcess,
    request: Option<fork_server::Request>,
}

impl Start {
    fn of(afork: Afork) -> Result<Self, AforkError> {
        let Afork {
            body,
            arg,
            fds,
            portable,
            ..
        } = afork;
        if arg.len() > LONGEST_ARG {
            let (len, limit) = (arg.len(), LONGEST_ARG);
            return Err(Kind::LongArgument { len, limit }.into());
        }
        if fds.len() > MOST_FDS {
            let (count, limit) = (fds.len(), MOST_FDS);
            return Err(Kind::ManyDescriptors { count, limit }.into());
        }
        let (origin, request) = match body {
            Body::Closure(body) => (Origin::Local(local::start(body, arg, fds, portable)?), None),
            Body::Entry(entry) => match fork_server::request(entry, &arg, fds, portable)? {
                Ok((remote, request)) => (Origin::Remote(remote), Some(request)),
                Err(fds) => (
                    Origin::Local(local::start(entry, arg, fds, portable)?),
                    None,
                ),
            },
        };
        let child = ChildProcess::new(origin);
        Ok(Self { child, request })
    }

    /// Hands the request to the fork server, where one is to be asked.
    fn send(&mut self) -> std::io::Result<()> {
        if let Some(request) = &self.request {
            request.send()?;
            self.request = None;
        }
        Ok(())
    }
}

/// The pid of a child that is ready, or why it will not be.
fn ready(progress: &Progress) -> Option<Result<i32, AforkError>> {
    match (progress.started, progress.ready, progress.end) {
        (Some(Ok(pid)), true, _) => Some(Ok(pid)),
        (Some(Err(errno)), ..) => Some(Err(fork_server::not_started(errno))),
        (_, _, Some(Ok(status))) => Some(Err(Kind::Ended(status).into())),
        (_, _, Some(Err(lost))) if lost.is_fork_server_gone() => Some(Err(Kind::ForkServer.into())),
        (_, _, Some(Err(lost))) => Some(Err(Kind::Unknown(lost).into())),
        _ => None,
    }
}

fn finish(
    mut child: ChildProcess,
    pid: i32,
    kill_on_drop: bool,
) -> Result<ChildProcess, AforkError> {
    child.set_pid(pid);
    child.kill_on_drop(kill_on_drop);
    Ok(child)
}

impl IntoFuture for Afork {
    type Output = Result<ChildProcess, AforkError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.start())
    }
}

impl fmt::Debug for Afork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Afork")
            .field("arg", &self.arg.len())
            .field("fds", &self.fds)
            .field("kill_on_drop", &self.kill_on_drop)
            .field("ready_timeout", &self.ready_timeout)
            .finish_non_exhaustive()
    }
}
