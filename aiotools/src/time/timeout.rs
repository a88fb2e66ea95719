//! [`timeout`]: a time limit that asks, and waits for the cleanup.

use std::{
    error::Error,
    fmt,
    future::Future,
    io,
    panic::Location,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
    time::Duration,
};

use pin_project_lite::pin_project;
use tokio::time::{Instant, Sleep, sleep_until};

use crate::{
    cancel::{CancelReason, ReasonKind},
    task::engine::{Kind, Node, Seat, enter, node},
};

/// The time was up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Elapsed(());

impl fmt::Display for Elapsed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the deadline has passed")
    }
}

impl Error for Elapsed {}

impl From<Elapsed> for io::Error {
    fn from(elapsed: Elapsed) -> Self {
        Self::new(io::ErrorKind::TimedOut, elapsed)
    }
}

/// The deadline can no longer be moved: the future has ended, or the time was up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeoutClosed(());

impl fmt::Display for TimeoutClosed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the timeout has already ended")
    }
}

impl Error for TimeoutClosed {}

/// Gives `future` this long. Then it is *asked* to end, as a task is by `cancel()`: the innermost
/// [`catch_cancel`](crate::catch_cancel) region in it can clean up, groups in it cancel their children and wait for them, a
/// [`shield`](crate::shield) in it is respected; only when all that has ended comes `Err(Elapsed)`.
///
/// A future that catches the request and returns a value after all gives `Ok`: it was told, and chose. One that a shield kept from hearing
/// of it is late all the same: its value is dropped, and `Err(Elapsed)` comes out.
///
/// Compared with `tokio::time::timeout`, which drops the future and returns at once, whatever goes on in the background.
///
/// # Panics
///
/// When polled outside a tokio runtime, or in one whose time is not enabled.
///
/// # Errors
///
/// If the time was up before the future had ended. `?` makes an [`io::Error`] of it, of the kind `TimedOut`.
///
/// # Cancel safety
///
/// Dropped, it drops `future`; what that leaves behind is waited for by whoever is around it.
///
/// # Examples
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap().block_on(async {
/// use std::time::Duration;
/// use aiotools::{catch_cancel, timeout};
/// use tokio::time::sleep;
///
/// let mut cleaned = false;
/// let late = timeout(Duration::from_secs(1), async {
///     let caught = catch_cancel(sleep(Duration::from_secs(60))).await;
///     sleep(Duration::from_secs(1)).await;
///     cleaned = true;
///     caught
/// }).await;
/// assert!(matches!(late, Ok(Err(_))));
/// assert!(cleaned);
///
/// assert!(timeout(Duration::from_secs(1), sleep(Duration::from_secs(60))).await.is_err());
/// # });
/// ```
#[track_caller]
pub fn timeout<F: Future>(limit: Duration, future: F) -> Timeout<F> {
    Timeout::new(
        Instant::now().checked_add(limit),
        future,
        Location::caller(),
    )
}

/// As [`timeout`], with a point in time. One that has passed already expires at the first suspension point of `future`.
///
/// # Panics
///
/// As [`timeout`].
///
/// # Errors
///
/// As [`timeout`].
///
/// # Cancel safety
///
/// As [`timeout`].
#[track_caller]
pub fn timeout_at<F: Future>(deadline: Instant, future: F) -> Timeout<F> {
    Timeout::new(Some(deadline), future, Location::caller())
}

#[derive(Debug)]
struct Shared {
    deadline: Option<Instant>,
    expired: bool,
    closed: bool,
    waker: Option<Waker>,
}

/// Moves the deadline of a running [`timeout`].
#[derive(Clone, Debug)]
pub struct TimeoutHandle {
    shared: Arc<Mutex<Shared>>,
}

impl TimeoutHandle {
    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Nobody moves the deadline any more.
    fn close(&self) {
        let waker = {
            let mut shared = self.lock();
            shared.closed = true;
            shared.waker.take()
        };
        drop(waker);
    }

    /// The deadline, if there is one.
    pub fn deadline(&self) -> Option<Instant> {
        self.lock().deadline
    }

    /// Whether the time was up while the future was running.
    pub fn expired(&self) -> bool {
        self.lock().expired
    }

    /// Moves the deadline, or with `None` takes it away. One that has passed already expires at the next suspension point.
    ///
    /// # Errors
    ///
    /// If the future has ended, or the time was up.
    pub fn reset(&self, deadline: impl Into<Option<Instant>>) -> Result<(), TimeoutClosed> {
        let mut shared = self.lock();
        if shared.closed || shared.expired {
            return Err(TimeoutClosed(()));
        }
        shared.deadline = deadline.into();
        let waker = shared.waker.take();
        drop(shared);
        if let Some(waker) = waker {
            waker.wake();
        }
        Ok(())
    }
}

pin_project! {
    /// The future of [`timeout`] and [`timeout_at`].
    #[must_use = "futures do nothing unless polled"]
    pub struct Timeout<F: Future> {
        #[pin]
        future: Option<F>,
        clock: Option<Pin<Box<Sleep>>>,
        handle: TimeoutHandle,
        seat: Option<Seat>,
        location: &'static Location<'static>,
    }

    impl<F: Future> PinnedDrop for Timeout<F> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            this.handle.close();
            if let Some(seat) = this.seat {
                seat.enter(|| this.future.set(None));
            }
        }
    }
}

impl<F: Future> Timeout<F> {
    fn new(deadline: Option<Instant>, future: F, location: &'static Location<'static>) -> Self {
        let shared = Shared {
            deadline,
            expired: false,
            closed: false,
            waker: None,
        };
        Self {
            future: Some(future),
            clock: None,
            handle: TimeoutHandle {
                shared: Arc::new(Mutex::new(shared)),
            },
            seat: None,
            location,
        }
    }

    /// A handle that can move the deadline while the future runs.
    ///
    /// # Examples
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap().block_on(async {
    /// use std::time::Duration;
    /// use aiotools::timeout;
    /// use tokio::time::{Instant, sleep};
    ///
    /// let (second, minute) = (Duration::from_secs(1), Duration::from_secs(60));
    /// let upload = timeout(second, sleep(minute));
    /// let limit = upload.handle();
    /// limit.reset(Instant::now() + 2 * minute)?; // it is big
    /// assert!(upload.await.is_ok());
    /// # Ok::<(), aiotools::BoxError>(())
    /// # }).unwrap();
    /// ```
    pub fn handle(&self) -> TimeoutHandle {
        self.handle.clone()
    }
}

/// Whether the time is up now; if not, the clock or the handle wakes the task.
fn expired(
    handle: &TimeoutHandle,
    clock: &mut Option<Pin<Box<Sleep>>>,
    cx: &mut Context<'_>,
) -> bool {
    let deadline = {
        let mut shared = handle.lock();
        match &mut shared.waker {
            Some(waker) => waker.clone_from(cx.waker()),
            none => *none = Some(cx.waker().clone()),
        }
        shared.deadline
    };
    let Some(deadline) = deadline else {
        *clock = None;
        return false;
    };
    let clock = clock.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
    if clock.deadline() != deadline {
        clock.as_mut().reset(deadline);
    }
    // Not under the budget of the task: a timeout that is starved would be none.
    let mut clock = std::pin::pin!(tokio::task::coop::unconstrained(clock.as_mut()));
    clock.as_mut().poll(cx).is_ready()
}

impl<F: Future> Future for Timeout<F> {
    type Output = Result<F::Output, Elapsed>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let location = *this.location;
        let seat = this
            .seat
            .get_or_insert_with(|| Seat::new(Node::new(Kind::Timeout, node(), location)));
        seat.watch(cx.waker());
        loop {
            if let Some(future) = this.future.as_mut().as_pin_mut() {
                if let Poll::Ready(value) = enter(&seat.node, || future.poll(cx)) {
                    seat.enter(|| this.future.set(None));
                    let expired = this.handle.lock().expired;
                    if expired && seat.node.control().undelivered() {
                        // Held back by a shield up to now: nobody in there has heard of it.
                        continue;
                    }
                    this.handle.close();
                    seat.leave();
                    return Poll::Ready(Ok(value));
                }
                if seat.node.control().deliverable() {
                    seat.node.mark_delivered();
                    seat.cut();
                    seat.enter(|| this.future.set(None));
                    continue;
                }
                if !this.handle.expired() && expired(this.handle, this.clock, cx) {
                    this.handle.lock().expired = true;
                    seat.node
                        .request(&CancelReason::of(ReasonKind::Timeout), true);
                    // The future has the first word about it.
                    continue;
                }
                return Poll::Pending;
            }
            if this.handle.lock().closed {
                panic!("`timeout` was polled after its end");
            }
            if !seat.node.try_close() {
                return Poll::Pending;
            }
            this.handle.close();
            seat.leave();
            return Poll::Ready(Err(Elapsed(())));
        }
    }
}

impl<F: Future> fmt::Debug for Timeout<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Timeout")
            .field("handle", &self.handle)
            .finish_non_exhaustive()
    }
}
