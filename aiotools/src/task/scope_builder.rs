//! [`ScopeBuilder`]: a scope with a name, a shield, a deadline, a handler for errors.

use std::{future::Future, marker::PhantomData, panic::Location, sync::Arc, time::Duration};

use super::{
    current,
    drive::{Drive, Ended, Ending, Options},
    error::{ScopeError, TaskError},
    family::{Family, Policy},
    node::{Kind, Node},
    report::Handler,
    scope::TaskScope,
    seat::Seat,
    spawner::Spawner,
};
use crate::lazy::lazy;

/// A scope without a deadline: its result is the value of its body.
#[derive(Debug, Clone, Copy)]
pub struct NoTimeout(());

/// A scope with a deadline: its result is the value of its body, or [`ScopeError`].
#[derive(Debug, Clone, Copy)]
pub struct WithTimeout(());

/// A scope before it starts. Made by [`TaskScope::builder`].
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap().block_on(async {
/// use std::time::Duration;
/// use aiotools::TaskScope;
///
/// let late = TaskScope::builder()
///     .name("poll")
///     .timeout(Duration::from_secs(1))
///     .scope(async |_| tokio::time::sleep(Duration::from_secs(2)).await)
///     .await;
/// assert!(late.unwrap_err().is_timeout());
/// # });
/// ```
#[derive(Debug)]
#[must_use = "a builder does nothing until `scope`"]
pub struct ScopeBuilder<T = NoTimeout> {
    name: Option<Arc<str>>,
    shield: bool,
    timeout: Option<Duration>,
    grace: Duration,
    max_concurrency: Option<usize>,
    inherit_span: bool,
    handler: Handler,
    _timeout: PhantomData<fn() -> T>,
}

impl<T> Default for ScopeBuilder<T> {
    fn default() -> Self {
        Self {
            name: None,
            shield: false,
            timeout: None,
            grace: Duration::ZERO,
            max_concurrency: None,
            inherit_span: false,
            handler: Handler::Trace,
            _timeout: PhantomData,
        }
    }
}

impl<T> ScopeBuilder<T> {
    /// The name of the scope, for errors and for [`dump`](super::dump()).
    pub fn name(mut self, name: impl AsRef<str>) -> Self {
        self.name = Some(name.as_ref().into());
        self
    }

    /// With `true`, requests from outside are counted, but neither the body nor the children are cancelled by them; they are delivered when
    /// the scope has ended. The scope's own deadline works in spite of it. A *dropped* scope cannot be shielded: its children are
    /// cancelled.
    pub fn shield(mut self, shield: bool) -> Self {
        self.shield = shield;
        self
    }

    /// Cancels the body and the children this long after the scope started. The result is then a [`ScopeError`]. What a body that caught the
    /// cancellation returns after that is dropped, as with [`timeout`](fn@crate::timeout): an error that matters is a child's, or told before.
    pub fn timeout(self, timeout: Duration) -> ScopeBuilder<WithTimeout> {
        ScopeBuilder {
            name: self.name,
            shield: self.shield,
            timeout: Some(timeout),
            grace: self.grace,
            max_concurrency: self.max_concurrency,
            inherit_span: self.inherit_span,
            handler: self.handler,
            _timeout: PhantomData,
        }
    }

    /// What is called with the failure of each child, at the moment that it has ended. A handler that panics is itself
    /// reported (see [`set_last_resort`](super::set_last_resort)), and stops nobody.
    pub fn on_error(mut self, handler: impl Fn(&TaskError) + Send + Sync + 'static) -> Self {
        self.handler = Handler::new(handler);
        self
    }

    /// Does nothing about failures; who holds the handle sees them.
    pub fn ignore_errors(mut self) -> Self {
        self.handler = Handler::Ignore;
        self
    }

    /// How long a cancelled child may go on: it can wait for [`cancelled()`](crate::cancelled) and wind down, and is cut after this.
    pub fn grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }

    /// How many children run at once, at most. The others wait for their start in the order of their spawns.
    ///
    /// # Panics
    ///
    /// If `limit` is 0.
    pub fn max_concurrency(mut self, limit: usize) -> Self {
        assert!(
            limit > 0,
            "a scope with a limit of 0 would never run a child"
        );
        self.max_concurrency = Some(limit);
        self
    }

    /// Polls each child in the `tracing` span that was current where it was spawned.
    pub fn inherit_span(mut self, inherit: bool) -> Self {
        self.inherit_span = inherit;
        self
    }

    fn family(&self) -> Family {
        let policy = Policy::Handle(self.handler.clone());
        Family::new(policy, self.grace, self.max_concurrency, self.inherit_span)
    }

    fn run<R, F, V>(
        self,
        cuts_body: bool,
        location: &'static Location<'static>,
        body: F,
        result: fn(Ended<R>) -> V,
    ) -> impl Future<Output = V>
    where
        F: AsyncFnOnce(TaskScope) -> R,
    {
        lazy(
            (self, cuts_body, location, body, result),
            |(builder, cuts_body, location, body, result)| {
                let mut node = Node::new(Kind::Scope, current::node(), location);
                node.family = Some(builder.family());
                node.name = builder.name;
                let seat = Seat::new(node);
                let ts = TaskScope::from_spawner(Spawner::here(&seat.node), cuts_body);
                let options = Options {
                    shield: builder.shield,
                    cuts_body,
                    timeout: builder.timeout,
                };
                let node = seat.node.clone();
                let body = lazy((body, ts), |(body, ts)| (body(ts), ()), |(), value| value);
                let drive = Drive::new(seat, body, |_, value| value, &options);
                (drive, (node, result))
            },
            |(node, result), mut ended| {
                if let Ending::Panicked(payload) = ended.body {
                    std::panic::resume_unwind(payload)
                }
                if ended.timed_out {
                    ended.body = Ending::Cut;
                }
                ended.reason = Some(node.reason());
                result(ended)
            },
        )
    }

    /// Runs `body` with the scope, in the form in which [`TaskScope::aclose`] and a timeout cut the body.
    ///
    /// # Errors
    ///
    /// If the scope was closed, or timed out, before its body had a value.
    ///
    /// # Cancel safety
    ///
    /// As [`TaskScope::scope`].
    #[track_caller]
    pub fn try_scope<R, F>(self, body: F) -> impl Future<Output = Result<R, ScopeError>>
    where
        F: AsyncFnOnce(TaskScope) -> R,
    {
        self.run(true, Location::caller(), body, |ended| match ended.body {
            Ending::Value(value) => Ok(value),
            _ => Err(ScopeError {
                reason: ended.reason.unwrap_or_default(),
            }),
        })
    }
}

impl ScopeBuilder<NoTimeout> {
    /// Runs `body` with the scope, as [`TaskScope::scope`] does.
    ///
    /// # Cancel safety
    ///
    /// As [`TaskScope::scope`].
    #[track_caller]
    pub fn scope<R, F>(self, body: F) -> impl Future<Output = R>
    where
        F: AsyncFnOnce(TaskScope) -> R,
    {
        self.run(false, Location::caller(), body, |ended| match ended.body {
            Ending::Value(value) => value,
            // Nothing cuts the body of such a scope but what drops the scope itself.
            _ => unreachable!("the body of a scope without a deadline always ends by itself"),
        })
    }
}

impl ScopeBuilder<WithTimeout> {
    /// Runs `body` with the scope and its deadline.
    ///
    /// # Errors
    ///
    /// If the deadline passed before the body and all children had ended, or the scope was closed before its body had a value.
    ///
    /// # Cancel safety
    ///
    /// As [`TaskScope::scope`].
    #[track_caller]
    pub fn scope<R, F>(self, body: F) -> impl Future<Output = Result<R, ScopeError>>
    where
        F: AsyncFnOnce(TaskScope) -> R,
    {
        self.try_scope(body)
    }
}

/// A scope for the combinators: it keeps nothing, and reports nothing; the body holds the handles.
pub(crate) async fn collect<R>(
    policy: Policy,
    limit: Option<usize>,
    location: &'static Location<'static>,
    body: impl AsyncFnOnce(Spawner) -> R,
) -> R {
    let mut node = Node::new(Kind::Scope, current::node(), location);
    node.family = Some(Family::new(policy, Duration::ZERO, limit, false));
    let seat = Seat::new(node);
    let spawner = Spawner::here(&seat.node);
    let options = Options {
        shield: false,
        cuts_body: false,
        timeout: None,
    };
    match Drive::new(seat, body(spawner), |_, value| value, &options)
        .await
        .body
    {
        Ending::Value(value) => value,
        Ending::Panicked(payload) => std::panic::resume_unwind(payload),
        Ending::Cut => unreachable!(
            "nothing cuts the body of a combinator but what drops the combinator itself"
        ),
    }
}
