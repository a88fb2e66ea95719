//! What a timer does at a tick: the callback, and room for the future that it returns.

use std::{
    future::Future,
    panic::Location,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use pin_project_lite::pin_project;

use crate::task::{BoxError, TaskHandle, TaskOutput, engine::Spawner};

/// How a tick ended.
pub(super) type Outcome = Result<(), BoxError>;

/// What is needed to start a tick as a task.
pub(super) struct Start<'a> {
    pub(super) spawner: &'a Spawner,
    pub(super) name: Option<&'a str>,
    pub(super) location: &'static Location<'static>,
    /// The tick that has to end before this one starts.
    pub(super) after: Option<TaskHandle<()>>,
    /// Called when the tick's own code starts.
    pub(super) started: Option<Box<dyn FnOnce() + Send>>,
}

/// The ticks of one timer.
pub(super) trait Work: Send {
    /// Goes on with the tick that is running, or starts one.
    fn poll(self: Pin<&mut Self>, interval: Duration, cx: &mut Context<'_>) -> Poll<Outcome>;

    /// Drops the tick that is running.
    fn clear(self: Pin<&mut Self>);

    /// Starts a tick as a task.
    fn spawn(self: Pin<&mut Self>, interval: Duration, start: Start<'_>) -> TaskHandle<()>;
}

pin_project! {
    /// A timer whose ticks run one at a time, in place.
    pub(super) struct Inline<F, T> {
        callback: F,
        #[pin]
        tick: Option<T>,
    }
}

impl<F, T> Inline<F, T> {
    pub(super) fn new(callback: F) -> Self {
        Self {
            callback,
            tick: None,
        }
    }
}

impl<F, T> Work for Inline<F, T>
where
    F: FnMut(Duration) -> T + Send,
    T: Future<Output: TaskOutput> + Send,
{
    fn poll(self: Pin<&mut Self>, interval: Duration, cx: &mut Context<'_>) -> Poll<Outcome> {
        let mut this = self.project();
        if this.tick.is_none() {
            this.tick.set(Some((this.callback)(interval)));
        }
        let Some(tick) = this.tick.as_mut().as_pin_mut() else {
            return Poll::Pending;
        };
        let Poll::Ready(output) = tick.poll(cx) else {
            return Poll::Pending;
        };
        this.tick.set(None);
        Poll::Ready(output.into_result().map(drop))
    }

    fn clear(self: Pin<&mut Self>) {
        self.project().tick.set(None);
    }

    fn spawn(self: Pin<&mut Self>, _: Duration, _: Start<'_>) -> TaskHandle<()> {
        unreachable!("the ticks of this timer run in place")
    }
}

/// A timer whose ticks are tasks.
pub(super) struct Spawned<F>(pub(super) F);

impl<F> Unpin for Spawned<F> {}

impl<F, T> Work for Spawned<F>
where
    F: FnMut(Duration) -> T + Send,
    T: Future<Output: TaskOutput> + Send + 'static,
{
    fn poll(self: Pin<&mut Self>, _: Duration, _: &mut Context<'_>) -> Poll<Outcome> {
        unreachable!("the ticks of this timer are tasks")
    }

    fn clear(self: Pin<&mut Self>) {}

    fn spawn(mut self: Pin<&mut Self>, interval: Duration, start: Start<'_>) -> TaskHandle<()> {
        let tick = (self.0)(interval);
        let Start {
            spawner,
            name,
            location,
            after,
            started,
        } = start;
        if after.is_none() && started.is_none() {
            return spawner.spawn_named_at(name, location, async move {
                tick.await.into_result().map(drop)
            });
        }
        spawner.spawn_named_at(name, location, async move {
            if let Some(after) = after {
                // How it ended is known to the handler.
                drop(after.await);
            }
            if let Some(started) = started {
                started();
            }
            tick.await.into_result().map(drop)
        })
    }
}
