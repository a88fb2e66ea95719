//! Context variables: values that follow the code, not the thread, and that children inherit.
//!
//! Task-locals of tokio are not inherited by spawned tasks, and blanket inheritance would be wrong. A variable that is declared with
//! [`context_var!`](crate::context_var) is: a child starts with the values that were set where it was spawned, key by key.

use std::{
    any::Any,
    cell::{Cell, RefCell},
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use pin_project_lite::pin_project;
use tracing::Span;

/// One value in the chain of those that are set; the newest comes first.
struct Link {
    key: usize,
    value: Option<Arc<dyn Any + Send + Sync>>,
    outer: Option<Arc<Link>>,
}

thread_local! {
    /// Whether there is a chain: cheaper to ask than the chain, which has a destructor.
    static ANY: Cell<bool> = const { Cell::new(false) };
    static CHAIN: RefCell<Option<Arc<Link>>> = const { RefCell::new(None) };
}

struct Restore(Option<Arc<Link>>);

impl Drop for Restore {
    fn drop(&mut self) {
        drop(swap(self.0.take()));
    }
}

/// Makes `chain` the current one, and gives the one that was.
fn swap(chain: Option<Arc<Link>>) -> Option<Arc<Link>> {
    // A thread that is just ending has no variables any more.
    let _ = ANY.try_with(|any| any.set(chain.is_some()));
    CHAIN
        .try_with(|current| std::mem::replace(&mut *current.borrow_mut(), chain))
        .ok()
        .flatten()
}

fn with_chain<R>(chain: Option<Arc<Link>>, call: impl FnOnce() -> R) -> R {
    let _restore = Restore(swap(chain));
    call()
}

#[inline]
fn current_chain() -> Option<Arc<Link>> {
    if !is_any() {
        return None;
    }
    CHAIN
        .try_with(|chain| chain.borrow().clone())
        .ok()
        .flatten()
}

/// What a child inherits from the place where it was spawned.
pub(crate) struct Captured {
    chain: Option<Arc<Link>>,
    span: Option<Span>,
}

impl Captured {
    pub(crate) fn enter<R>(&self, call: impl FnOnce() -> R) -> R {
        let _entered = self.span.as_ref().map(Span::enter);
        match &self.chain {
            None => call(),
            Some(chain) => with_chain(Some(Arc::clone(chain)), call),
        }
    }
}

/// Whether a context variable is set here.
#[inline]
pub(crate) fn is_any() -> bool {
    ANY.try_with(Cell::get).unwrap_or(false)
}

/// What a child spawned here inherits, if anything.
#[cold]
pub(crate) fn capture(span: bool) -> Option<Captured> {
    let chain = current_chain();
    let span = if span {
        Some(Span::current()).filter(|span| !span.is_none())
    } else {
        None
    };
    (chain.is_some() || span.is_some()).then_some(Captured { chain, span })
}

/// A context variable, declared by [`context_var!`](crate::context_var).
///
/// Compared with a `tokio::task_local!`, its value is inherited by every child that is spawned while it is set, and it can be read where
/// it is not set (then it is `None`).
pub struct ContextVar<T: 'static> {
    // Not a unit: each variable needs an address of its own.
    name: &'static str,
    anchor: u8,
    _type: std::marker::PhantomData<fn() -> T>,
}

impl<T: Clone + Send + Sync + 'static> ContextVar<T> {
    #[doc(hidden)]
    pub const fn __new(name: &'static str) -> Self {
        Self {
            name,
            anchor: 1,
            _type: std::marker::PhantomData,
        }
    }

    fn key(&'static self) -> usize {
        std::ptr::from_ref(&self.anchor).addr()
    }

    /// The name that it was declared with.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Its value here, if it is set.
    pub fn get(&'static self) -> Option<T> {
        let key = self.key();
        let mut link = current_chain();
        while let Some(here) = link {
            if here.key == key {
                return here.value.as_ref()?.downcast_ref::<T>().cloned();
            }
            link = here.outer.clone();
        }
        None
    }

    fn link(&'static self, value: Option<T>, outer: Option<Arc<Link>>) -> Arc<Link> {
        let value = value.map(|value| Arc::new(value) as Arc<dyn Any + Send + Sync>);
        Arc::new(Link {
            key: self.key(),
            value,
            outer,
        })
    }

    fn reset<F>(&'static self, value: Option<T>, future: F) -> Resetting<F> {
        // What is around it is what is around it when it is polled, not where it was made.
        let own = self.link(value, None);
        Resetting {
            own: Some(own),
            chain: None,
            future,
        }
    }

    /// Sets it for the duration of a call, and puts back what was there, even if the call panics.
    pub fn sync_scope<R>(&'static self, value: T, call: impl FnOnce() -> R) -> R {
        with_chain(Some(self.link(Some(value), current_chain())), call)
    }

    /// Sets it for as long as this future is polled; the same as [`resetting`].
    ///
    /// # Cancel safety
    ///
    /// As the future itself.
    pub fn scope<F: Future>(&'static self, value: T, future: F) -> Resetting<F> {
        self.reset(Some(value), future)
    }

    /// Unsets it for as long as this future is polled: children spawned in it do not inherit it.
    ///
    /// # Cancel safety
    ///
    /// As the future itself.
    pub fn without<F: Future>(&'static self, future: F) -> Resetting<F> {
        self.reset(None, future)
    }
}

impl<T> fmt::Debug for ContextVar<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ContextVar({})", self.name)
    }
}

/// Sets a context variable for as long as `future` is polled: it is visible to the code in it and to the children that this spawns, and
/// nowhere else. What was there before is visible again as soon as the future is not being polled.
///
/// # Cancel safety
///
/// As `future` itself.
///
/// # Examples
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// use aiotools::{TaskGroup, context_var, resetting};
///
/// context_var! { static REQUEST: u64; }
///
/// let seen = resetting(&REQUEST, 7, async {
///     TaskGroup::scope(async |tg| {
///         Ok(tg.spawn_infallible(async { REQUEST.get() }).await?)
///     }).await.unwrap()
/// }).await;
/// assert_eq!(seen, Some(7));
/// assert_eq!(REQUEST.get(), None);
/// # });
/// ```
pub fn resetting<T, F>(var: &'static ContextVar<T>, value: T, future: F) -> Resetting<F>
where
    T: Clone + Send + Sync + 'static,
    F: Future,
{
    var.scope(value, future)
}

pin_project! {
    /// The future of [`resetting`].
    #[must_use = "futures do nothing unless polled"]
    pub struct Resetting<F> {
        own: Option<Arc<Link>>,
        chain: Option<Arc<Link>>,
        #[pin]
        future: F,
    }
}

impl<F: Future> Future for Resetting<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        if let Some(own) = this.own.take() {
            let Link { key, value, .. } = &*own;
            *this.chain = Some(Arc::new(Link {
                key: *key,
                value: value.clone(),
                outer: current_chain(),
            }));
        }
        with_chain(this.chain.clone(), || this.future.poll(cx))
    }
}

impl<F> fmt::Debug for Resetting<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resetting").finish_non_exhaustive()
    }
}

/// Declares context variables: values that are set for the duration of a call or a future, and that children inherit.
///
/// ```
/// aiotools::context_var! {
///     /// The tenant that this request is for.
///     pub static TENANT: String;
///     static DEPTH: u32;
/// }
///
/// assert_eq!(DEPTH.get(), None);
/// DEPTH.sync_scope(1, || {
///     DEPTH.sync_scope(2, || assert_eq!(DEPTH.get(), Some(2)));
///     assert_eq!(DEPTH.get(), Some(1));
/// });
/// assert_eq!(DEPTH.get(), None);
/// # let _ = &TENANT;
/// ```
#[macro_export]
macro_rules! context_var {
    ($($(#[$attr:meta])* $vis:vis static $name:ident: $type:ty);+ $(;)?) => {$(
        $(#[$attr])*
        $vis static $name: $crate::task::ContextVar<$type> = $crate::task::ContextVar::__new(::core::stringify!($name));
    )+};
    ($($(#[$attr:meta])* $vis:vis static $name:ident: $type:ty $(= $value:expr)?);+ $(;)?) => {
        ::core::compile_error!("a context variable starts unset: remove the value, and set it for a scope with `resetting`");
    };
}
