//! [`Lazy`]: a future that is made at its first poll, in the place of what it is made from.
//!
//! An `async fn` that takes a closure and awaits the future made from it keeps room for both, side by side; so each such layer around a
//! large future multiplies it. Here the two share their memory.
//!
//! The steps are function pointers and not closures under an `FnOnce` bound on purpose: inside an `async` block rustc forgets which
//! lifetimes the types of a future had, and then cannot prove such a bound for a body that returns a `Box<dyn Error>`; the block
//! would not be `Send`.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use pin_project_lite::pin_project;

pin_project! {
    #[project = Stage]
    enum State<S, F, X> {
        /// Not polled yet. `None` only if making the future unwinds.
        Start { from: Option<S> },
        Running { #[pin] future: F, with: Option<X> },
        Done,
    }
}

pin_project! {
    /// The future of [`lazy`].
    #[must_use = "futures do nothing unless polled"]
    pub(crate) struct Lazy<S, F: Future, X, R> {
        #[pin]
        state: State<S, F, X>,
        make: fn(S) -> (F, X),
        finish: fn(X, F::Output) -> R,
    }
}

/// At its first poll makes a future from `from`, and something to keep for the end; when that future is ready, drops it and gives what
/// `finish` makes of its value.
pub(crate) fn lazy<S, F: Future, X, R>(
    from: S,
    make: fn(S) -> (F, X),
    finish: fn(X, F::Output) -> R,
) -> Lazy<S, F, X, R> {
    Lazy {
        state: State::Start { from: Some(from) },
        make,
        finish,
    }
}

impl<S, F: Future, X, R> Future for Lazy<S, F, X, R> {
    type Output = R;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<R> {
        let mut this = self.project();
        if let Stage::Start { from } = this.state.as_mut().project() {
            let from = from.take().expect("polled after a panic");
            let (future, with) = (this.make)(from);
            let with = Some(with);
            this.state.set(State::Running { future, with });
        }
        let Stage::Running { future, with } = this.state.as_mut().project() else {
            panic!("polled after its end");
        };
        let Poll::Ready(value) = future.poll(cx) else {
            return Poll::Pending;
        };
        let with = with.take().expect("taken when the future ends");
        this.state.set(State::Done);
        Poll::Ready((this.finish)(with, value))
    }
}
