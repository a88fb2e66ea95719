//! What a timer does at a tick: the callback, and room for the future that it returns.

use std::{
    future::Future,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use pin_project_lite::pin_project;
use tokio::runtime::Handle;

use crate::task::{
    BoxError, TaskHandle, TaskOutput,
    engine::{Node, Spawner, spawn_like},
};

/// How a tick ended.
pub(super) type Outcome = Result<(), BoxError>;

/// Where the ticks that are tasks belong.
#[derive(Clone, Copy)]
pub(super) struct Home<'a> {
    /// The group of this timer's ticks, which has the name and the place of the timer.
    pub(super) node: &'a Arc<Node>,
    pub(super) runtime: &'a Handle,
}

/// The ticks of one timer.
pub(super) trait Work: Send {
    /// Goes on with the tick that is running, or starts one.
    fn poll(self: Pin<&mut Self>, interval: Duration, cx: &mut Context<'_>) -> Poll<Outcome>;

    /// Drops the tick that is running.
    fn clear(self: Pin<&mut Self>);

    /// Starts a tick as a task. False if this one is left out.
    fn spawn(self: Pin<&mut Self>, interval: Duration, home: Home<'_>) -> bool;
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

    fn spawn(self: Pin<&mut Self>, _: Duration, _: Home<'_>) -> bool {
        unreachable!("the ticks of this timer run in place")
    }
}

/// A timer whose ticks are tasks, as many as there may be.
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

    fn spawn(mut self: Pin<&mut Self>, interval: Duration, home: Home<'_>) -> bool {
        spawn_like(home.node, home.runtime, (self.0)(interval));
        true
    }
}

/// A timer whose ticks are tasks, each of which takes the place of the one before.
pub(super) struct Replaced<F> {
    callback: F,
    last: Option<TaskHandle<()>>,
    /// How many ticks there were, and the number of the last one whose own code was started.
    number: u64,
    started: Arc<AtomicU64>,
}

impl<F> Unpin for Replaced<F> {}

impl<F> Replaced<F> {
    pub(super) fn new(callback: F) -> Self {
        Self {
            callback,
            last: None,
            number: 0,
            started: Arc::default(),
        }
    }
}

impl<F, T> Work for Replaced<F>
where
    F: FnMut(Duration) -> T + Send,
    T: Future<Output: TaskOutput> + Send + 'static,
{
    fn poll(self: Pin<&mut Self>, _: Duration, _: &mut Context<'_>) -> Poll<Outcome> {
        unreachable!("the ticks of this timer are tasks")
    }

    fn clear(self: Pin<&mut Self>) {}

    fn spawn(mut self: Pin<&mut Self>, interval: Duration, home: Home<'_>) -> bool {
        let this = &mut *self;
        let busy = this.last.as_ref().is_some_and(|last| !last.is_finished());
        // Acquire: pairs with the release below; it only decides who is cancelled.
        if busy && this.started.load(Ordering::Acquire) < this.number {
            // The one before it is still cleaning up: this tick would only take the place of that one.
            return false;
        }
        // First of all: if it panics, there is no tick to make room for.
        let tick = (this.callback)(interval);
        let last = this.last.take().filter(|_| busy);
        this.number += 1;
        match &last {
            Some(last) => last.cancel_with("the next tick is due"),
            None => this.started.store(this.number, Ordering::Release),
        }
        let (number, started) = (this.number, Arc::clone(&this.started));
        let spawner = Spawner::at(home.node, home.runtime);
        this.last = Some(spawner.spawn_like(async move {
            if let Some(last) = last {
                // How it ended is known to the handler.
                drop(last.await);
                started.store(number, Ordering::Release);
            }
            tick.await.into_result().map(drop)
        }));
        true
    }
}
