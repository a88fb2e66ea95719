//! What is done with what a deferred call gives, found out where it is written: there its type is known, and
//! method resolution can ask what it implements. The methods have names that no trait in the user's scope has.
//!
//! In each pair, `(&&question).method()` picks the trait that is implemented for the reference, if its bounds
//! hold, because the receiver fits without a deref; otherwise the other.

use std::fmt;
use std::marker::PhantomData;

use super::{AsyncDefers, Defers};
use crate::cleanup::report;
use crate::context::exit_stack::entry;
use crate::context::{About, Exit, Outcome, Spec};

/// What a deferred call may give. Not just any [`Outcome`], for the message.
#[diagnostic::on_unimplemented(
    message = "a deferred call gives `()` or a `Result<(), E>`, not `{Self}`",
    note = "write `;` behind it to drop a value; a future is awaited under `#[adefer]`",
    note = "`E` must implement `Debug`, so that it can be reported"
)]
pub trait CallOutcome: Outcome {}

impl CallOutcome for () {}

impl<E: fmt::Debug> CallOutcome for Result<(), E> {}

/// A function that returns a `Result` fails with this.
pub trait FallibleFn {
    type Error;
}

impl<T, X> FallibleFn for Result<T, X> {
    type Error = X;
}

/// A question about an async call that gives an `R`.
pub struct Called<R>(PhantomData<fn() -> R>);

/// Asks whether a call gives a future.
pub fn called<F: Future>(_: &F) -> Called<F::Output> {
    Called(PhantomData)
}

impl<R> fmt::Debug for Called<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Called")
    }
}

pub trait AwaitedCall {
    fn __aiotools_kind(&self) -> Awaited;
}

impl<R: Future> AwaitedCall for &Called<R> {
    fn __aiotools_kind(&self) -> Awaited {
        Awaited
    }
}

pub trait PlainCall {
    fn __aiotools_kind(&self) -> Plain;
}

impl<R> PlainCall for Called<R> {
    fn __aiotools_kind(&self) -> Plain {
        Plain
    }
}

/// The call gives a future, to be awaited.
#[derive(Debug)]
pub struct Awaited;

impl Awaited {
    pub async fn finish<F>(self, call: F) -> <F::Output as Future>::Output
    where
        F: Future<Output: Future>,
    {
        call.await.await
    }
}

/// The call gives its outcome.
#[derive(Debug)]
pub struct Plain;

impl Plain {
    pub fn finish<F: Future>(self, call: F) -> F {
        call
    }
}

/// A question about a call with outcome `O`, in a function that fails with `X`.
pub struct Fits<O, X>(PhantomData<fn(O) -> X>);

impl<O, X> fmt::Debug for Fits<O, X> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Fits")
    }
}

/// Asks whether an error of a call can be returned by a function.
pub fn fits<'d, O: CallOutcome, X, C>(_: &C, _: &Defers<'d, X>) -> Fits<O, X>
where
    C: FnOnce(&Defers<'d, X>) -> O,
{
    Fits(PhantomData)
}

/// As [`fits`], of an async function.
pub fn fits_async<F: Future<Output: CallOutcome>, X>(
    _: &F,
    _: &AsyncDefers<X>,
) -> Fits<F::Output, X> {
    Fits(PhantomData)
}

pub trait FitsError {
    fn __aiotools_error(&self) -> Returned;
}

impl<O: Outcome, X: From<O::Error> + fmt::Debug> FitsError for &Fits<O, X> {
    fn __aiotools_error(&self) -> Returned {
        Returned
    }
}

pub trait ReportsError {
    fn __aiotools_error(&self) -> Hooked;
}

impl<O, X> ReportsError for Fits<O, X> {
    fn __aiotools_error(&self) -> Hooked {
        Hooked
    }
}

pub trait FitsErrorAsync {
    fn __aiotools_error(&self) -> Returned;
}

impl<O, X> FitsErrorAsync for &Fits<O, X>
where
    O: Outcome,
    X: From<O::Error> + fmt::Debug + Send + Sync + 'static,
{
    fn __aiotools_error(&self) -> Returned {
        Returned
    }
}

pub trait ReportsErrorAsync {
    fn __aiotools_error(&self) -> Hooked;
}

impl<O, X> ReportsErrorAsync for Fits<O, X> {
    fn __aiotools_error(&self) -> Hooked {
        Hooked
    }
}

/// An error of the call can be returned by the function.
#[derive(Debug)]
pub struct Returned;

impl Returned {
    pub fn push<'d, O, X, C>(self, defers: &Defers<'d, X>, call: C)
    where
        O: Outcome,
        X: From<O::Error> + fmt::Debug + 'd,
        C: FnOnce(&Defers<'d, X>) -> O + 'd,
    {
        defers.push(move |defers| {
            let error = call(defers).into_result().err()?;
            Some((X::from(error), |about, exit, error| {
                reported(about, exit, Err::<(), X>(error));
            }))
        });
    }

    pub fn push_async<F, X>(self, defers: &AsyncDefers<X>, call: F)
    where
        F: Future<Output: Outcome> + Send + 'static,
        X: From<<F::Output as Outcome>::Error> + fmt::Debug + Send + Sync + 'static,
    {
        defers.push(entry::callback(defers.about(), |_| async {
            call.await.into_result().map_err(X::from)
        }));
    }
}

/// An error of the call goes to the error hook.
#[derive(Debug)]
pub struct Hooked;

impl Hooked {
    pub fn push<'d, O, X, C>(self, defers: &Defers<'d, X>, call: C)
    where
        O: CallOutcome,
        C: FnOnce(&Defers<'d, X>) -> O + 'd,
        X: 'd,
    {
        defers.push(move |defers| {
            let outcome = call(defers);
            reported(defers.about(), defers.exit(), outcome);
            None
        });
    }

    pub fn push_async<F, X>(self, defers: &AsyncDefers<X>, call: F)
    where
        F: Future<Output: CallOutcome<Error: 'static>> + Send + 'static,
    {
        let about = defers.about();
        defers.push(entry::callback(about, move |exit| async move {
            report::outcome(&Spec::new(about).with_static_error(), exit, call.await);
        }));
    }
}

/// Reports an error whose type may borrow.
fn reported<O: Outcome>(about: &'static About, exit: Exit, outcome: O) {
    report::outcome(&Spec::new(about), exit, outcome);
}
