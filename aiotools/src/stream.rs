//! [`aiter`]: a stream of what an async function returns, until it returns a certain value.

use std::{
    fmt,
    future::{Future, poll_fn},
    pin::Pin,
    task::{Context, Poll},
};

use futures_core::{FusedStream, Stream};

/// Calls an async function again and again, and gives what it returns, until that is equal to `sentinel`, which is not given. It is Python's
/// two-argument `aiter(f, sentinel)`.
///
/// Nothing is called before the first step, no call starts before the one before it has ended, and none is made after the sentinel. A
/// function that may fail goes to [`try_aiter`].
///
/// # When not to use it
///
/// - To do something for each value, a loop says the same: `while let Some(line) = read().await { .. }`, or
///   `loop { let n = read().await; if n == 0 { break } .. }`. A stream is for a function that takes a stream, or for the adapters of `StreamExt`.
/// - Where a state goes from call to call, or the end is not a value of its own, `futures::stream::unfold` says it better.
/// - What is a stream already needs no `aiter`: Python's one-argument form has no counterpart.
///
/// # Cancel safety
///
/// The call that is under way belongs to the stream: dropping what waits for a step loses nothing, dropping the stream drops the call.
///
/// # Examples
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// use std::sync::atomic::{AtomicU32, Ordering};
///
/// use aiotools::aiter;
///
/// static LEFT: AtomicU32 = AtomicU32::new(3);
///
/// /// Takes a job; 0 when there are no more.
/// async fn take() -> u32 {
///     tokio::task::yield_now().await; // ask somebody
///     LEFT.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).unwrap_or(0)
/// }
///
/// let mut jobs = aiter(take, 0);
/// let mut taken = Vec::new();
/// while let Some(job) = jobs.next().await {
///     taken.push(job);
/// }
/// assert_eq!(taken, [3, 2, 1]);
/// # });
/// ```
pub fn aiter<F, Fut>(function: F, sentinel: Fut::Output) -> Aiter<F, Fut, Fut::Output>
where
    F: FnMut() -> Fut,
    Fut: Future<Output: PartialEq>,
{
    Aiter::new(function, sentinel, |value, sentinel| {
        if value == *sentinel {
            Step::End
        } else {
            Step::Give(value)
        }
    })
}

/// As [`aiter`], for a function that may fail: an `Err` is given, and is the last.
///
/// # Cancel safety
///
/// As [`aiter`].
///
/// # Examples
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// use aiotools::try_aiter;
///
/// let mut countdown = 3;
/// let mut numbers = try_aiter(
///     || {
///         countdown -= 1;
///         std::future::ready(u8::try_from(countdown).map_err(|_| "below zero"))
///     },
///     7, // does not come
/// );
/// assert_eq!(numbers.next().await, Some(Ok(2)));
/// assert_eq!(numbers.next().await, Some(Ok(1)));
/// assert_eq!(numbers.next().await, Some(Ok(0)));
/// assert_eq!(numbers.next().await, Some(Err("below zero")));
/// assert_eq!(numbers.next().await, None);
/// # });
/// ```
pub fn try_aiter<F, Fut, T, E>(function: F, sentinel: T) -> Aiter<F, Fut, T>
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Result<T, E>>,
    T: PartialEq,
{
    Aiter::new(function, sentinel, |result, sentinel| match result {
        Ok(value) if value == *sentinel => Step::End,
        Ok(value) => Step::Give(Ok(value)),
        Err(error) => Step::GiveLast(Err(error)),
    })
}

enum Step<O> {
    Give(O),
    GiveLast(O),
    End,
}

/// The stream of [`aiter`] and [`try_aiter`]. It is a [`Stream`], and has [`next`](Self::next) of its own.
#[must_use = "streams do nothing unless polled"]
pub struct Aiter<F, Fut: Future, T> {
    function: F,
    sentinel: T,
    judge: fn(Fut::Output, &T) -> Step<Fut::Output>,
    /// The call that is under way; in one place for all calls, so that the stream can be moved.
    call: Pin<Box<Option<Fut>>>,
    ended: bool,
}

impl<F, Fut: Future, T> Aiter<F, Fut, T> {
    fn new(function: F, sentinel: T, judge: fn(Fut::Output, &T) -> Step<Fut::Output>) -> Self {
        Self {
            function,
            sentinel,
            judge,
            call: Box::pin(None),
            ended: false,
        }
    }
}

impl<F: FnMut() -> Fut, Fut: Future, T> Aiter<F, Fut, T> {
    /// The next value; `None` behind the last.
    ///
    /// # Cancel safety
    ///
    /// Dropping it loses nothing: the next one goes on with the same call.
    pub async fn next(&mut self) -> Option<Fut::Output> {
        poll_fn(|cx| self.poll_step(cx)).await
    }

    fn poll_step(&mut self, cx: &mut Context<'_>) -> Poll<Option<Fut::Output>> {
        if self.ended {
            return Poll::Ready(None);
        }
        let call = match self.call.as_mut().as_pin_mut() {
            Some(call) => call,
            None => {
                // One that panics is not called again.
                self.ended = true;
                self.call.set(Some((self.function)()));
                self.ended = false;
                match self.call.as_mut().as_pin_mut() {
                    Some(call) => call,
                    None => return Poll::Ready(None),
                }
            }
        };
        self.ended = true;
        let polled = call.poll(cx);
        let Poll::Ready(value) = polled else {
            self.ended = false;
            return Poll::Pending;
        };
        self.call.set(None);
        let step = (self.judge)(value, &self.sentinel);
        Poll::Ready(match step {
            Step::Give(value) => {
                self.ended = false;
                Some(value)
            }
            Step::GiveLast(value) => Some(value),
            Step::End => None,
        })
    }
}

// Nothing in it is pinned but what is behind the `Box`.
impl<F, Fut: Future, T> Unpin for Aiter<F, Fut, T> {}

impl<F: FnMut() -> Fut, Fut: Future, T> Stream for Aiter<F, Fut, T> {
    type Item = Fut::Output;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.get_mut().poll_step(cx)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (0, self.ended.then_some(0))
    }
}

impl<F: FnMut() -> Fut, Fut: Future, T> FusedStream for Aiter<F, Fut, T> {
    fn is_terminated(&self) -> bool {
        self.ended
    }
}

impl<F, Fut: Future, T: fmt::Debug> fmt::Debug for Aiter<F, Fut, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Aiter")
            .field("sentinel", &self.sentinel)
            .field("ended", &self.ended)
            .finish_non_exhaustive()
    }
}
