//! The tree: every group, scope, region, timeout and (where it needs one) task is a [`Node`].
//!
//! It is pure: it knows wakers and locks, but nothing of tokio, and its synchronisation types come from
//! [`sync`](super::sync), so that loom can check it (`scripts/loom`).
//!
//! # States
//!
//! Two atomic words hold the state of a node, each with a file of its own.
//!
//! `count`: how much is alive in it. Units are children, cleanups, and orphaned nodes that were handed to it.
//!
//! ```text
//!   OPEN, live = n ──try_close, only when live = 0──────────────────────────► CLOSED
//!     │                                                                        ▲
//!     └──orphan (the owner is gone; an heir counts this node as one unit)──► ORPHANED ──live reaches 0──┘ then heir.leave()
//! ```
//!
//! `control`: what is asked of it: requests that were made, requests that were delivered, holds, and some flags.
//!
//! # Invariants
//!
//! 1. `enter` adds one unit, or finds CLOSED and takes nothing (G5). CLOSED is set by one compare-and-swap that succeeds only at
//!    `live = 0`, so a unit is either counted before it, and waited for, or refused. There is no state between.
//! 2. Whoever takes `live` from 0 to 1 leaks one strong reference; whoever takes it from 1 to 0 owns that reference. So as long
//!    as a unit is held, the node is alive, and a unit may be held by a bare pointer (as children do).
//! 3. A request is *deliverable* when it is HARD (its grace is over), not yet delivered, and nothing holds the node.
//! 4. A hold is taken on a node and on all nodes outside it up to the root of the task; it is given back on the same nodes.
//! 5. The heir counts an orphan *before* ORPHANED is set, and is left exactly once: by whoever sets CLOSED on the orphan.
//! 6. A waker that is stored in a node is stored under `inner`, *before* its owner looks at the state for the last time, and whoever
//!    changes the state takes it afterwards: so no change is missed.
//!
//! # Lock order
//!
//! `Family::kids` of a node, then `inner` of a node of that family. Never two `inner` at once, never a lock while a waker runs, and no
//! lock is shared by two groups.

mod control;
mod count;

use std::{panic::Location, task::Waker};

pub(crate) use control::Control;

use super::{
    family::Family,
    meta::location_name,
    sync::{Arc, AtomicU64, AtomicUsize, Mutex, Ordering, lock},
    waits::Waits,
    wakers::Wakers,
};
use crate::{cancel::CancelReason, cleanup::tracker::Outstanding};

/// What a node is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    Group,
    Scope,
    Context,
    Timer,
    Task,
    Cleanup,
    Timeout,
    Region,
}

/// One node of the tree.
pub(crate) struct Node {
    pub(crate) kind: Kind,
    pub(crate) parent: Option<Arc<Node>>,
    pub(crate) name: Option<std::sync::Arc<str>>,
    pub(crate) location: &'static Location<'static>,
    pub(crate) born: std::time::Instant,
    pub(crate) family: Option<Family>,
    pub(crate) context: Option<crate::task::context_var::Captured>,
    count: AtomicU64,
    control: AtomicU64,
    /// Units that are not children.
    others: AtomicUsize,
    /// Where it stands in the list of those around it; guarded by the lock of that list.
    pub(super) place: std::sync::atomic::AtomicUsize,
    pub(crate) inner: Mutex<Inner>,
}

/// The cold half of a node.
#[derive(Default)]
pub(crate) struct Inner {
    /// Why it was asked to end, first request first.
    pub(crate) reason: Option<CancelReason>,
    /// The one that drives this node, for every change.
    host: Option<Waker>,
    /// All others who wait for a change.
    pub(crate) waiters: Wakers,
    /// Nodes directly inside this one that are open.
    pub(crate) subs: Vec<Arc<Node>>,
    /// Who waits for it when its owner is gone.
    heir: Option<Heir>,
    /// How the task ended.
    pub(crate) ended: Option<Box<super::handle::Ended>>,
    pub(super) waits: Waits,
}

/// Who waits for an orphan.
pub(crate) enum Heir {
    Node(Arc<Node>),
    Process(Outstanding),
}

impl Node {
    #[inline]
    pub(crate) fn new(
        kind: Kind,
        parent: Option<Arc<Node>>,
        location: &'static Location<'static>,
    ) -> Self {
        Self {
            kind,
            parent,
            name: None,
            location,
            born: std::time::Instant::now(),
            family: None,
            context: None,
            count: AtomicU64::new(0),
            control: AtomicU64::new(0),
            others: AtomicUsize::new(0),
            place: std::sync::atomic::AtomicUsize::new(0),
            inner: Mutex::new(Inner::default()),
        }
    }

    /// The name that it was given, or else the place where it was made.
    pub(crate) fn name(&self) -> &str {
        self.name
            .as_deref()
            .unwrap_or_else(|| location_name(self.location))
    }

    /// Whether requests stop here on their way out: nodes of one task form a chain that ends with such a node.
    pub(crate) fn is_root(&self) -> bool {
        self.parent.is_none()
            || matches!(
                self.kind,
                Kind::Task | Kind::Cleanup | Kind::Context | Kind::Timer
            )
    }

    /// The outermost node of the same task.
    pub(crate) fn root(self: &Arc<Self>) -> &Arc<Self> {
        let mut node = self;
        while !node.is_root() {
            let Some(parent) = &node.parent else { break };
            node = parent;
        }
        node
    }

    /// The nodes outside this one in the same task, innermost first.
    pub(crate) fn outward(self: &Arc<Self>) -> impl Iterator<Item = &Arc<Self>> {
        let mut node = Some(self);
        std::iter::from_fn(move || {
            let here = node?;
            node = if here.is_root() {
                None
            } else {
                here.parent.as_ref()
            };
            node
        })
    }

    /// Stores the waker of the one that drives this node (invariant 6).
    pub(crate) fn set_host(&self, waker: &Waker) {
        let mut inner = lock(&self.inner);
        match &mut inner.host {
            Some(host) => host.clone_from(waker),
            none => *none = Some(waker.clone()),
        }
    }

    pub(crate) fn clear_host(&self) {
        let host = lock(&self.inner).host.take();
        drop(host);
    }

    /// Wakes the one that drives this node, and all that wait for it.
    pub(crate) fn wake(&self) {
        let (host, (waiter, waiters)) = {
            let inner = lock(&self.inner);
            (inner.host.clone(), inner.waiters.all())
        };
        // Innermost first: what is polled by its own waker has to be marked before the task is.
        waiters.into_iter().for_each(Waker::wake);
        if let Some(waiter) = waiter {
            waiter.wake();
        }
        if let Some(host) = host {
            host.wake();
        }
    }

    /// A request changed: everything inside the same task has to look.
    pub(crate) fn wake_task(self: &Arc<Self>) {
        let root = self.root();
        root.wake();
        if !Arc::ptr_eq(root, self) {
            self.wake();
        }
    }
}

impl std::fmt::Debug for Node {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?} `{}`", self.kind, self.name())
    }
}
