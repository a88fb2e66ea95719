//! [`Shared`]: what a driver and the handles of its timers share.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use super::{drivers::Key, extra::nanos, table::Table};
use crate::{
    cancel::CancelReason,
    task::engine::{Family, Kind, Node, Policy, register},
};

pub(super) struct Shared {
    table: Mutex<Table>,
    epoch: Instant,
    pub(super) key: Key,
    /// The driver's own node, if it is in a group.
    pub(super) node: Option<Arc<Node>>,
}

impl Shared {
    pub(super) fn new(node: Option<Arc<Node>>, key: Key) -> Self {
        Self {
            table: Mutex::new(Table::new()),
            epoch: Instant::now(),
            key,
            node,
        }
    }

    #[inline]
    pub(super) fn lock(&self) -> MutexGuard<'_, Table> {
        // No foreign code runs under the lock, so nothing is ever half done.
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Now, in ns since the driver began.
    pub(super) fn now(&self) -> u64 {
        nanos(Instant::now().saturating_duration_since(self.epoch))
    }

    pub(super) fn instant(&self, at: Duration) -> Option<Instant> {
        self.epoch.checked_add(at)
    }

    /// The group of a timer's ticks, made now if there is none. Only the driver calls this, so only one is made.
    pub(super) fn home(&self, key: u32) -> Arc<Node> {
        let about = {
            let table = self.lock();
            if let Some(node) = &table.slab.get(key).node {
                return Arc::clone(node);
            }
            table.about(key)
        };
        let mut node = Node::new(Kind::Timer, self.node.clone(), about.location);
        node.name = about.name;
        let policy = Policy::Handle(about.handler);
        node.family = Some(Family::new(policy, Duration::ZERO, None, false));
        let node = Arc::new(node);
        register(&node);
        self.lock().slab.get_mut(key).node = Some(Arc::clone(&node));
        node
    }
}

/// Asks the ticks of a timer that nobody holds any more to end, now and in future. The group of the timer waits for them, or else the process.
pub(super) fn abandon(home: &Arc<Node>, reason: &CancelReason) {
    home.cancel_children(reason);
    home.orphan(home.parent.clone());
}

/// Drops what belongs to users; a panic of theirs does not stop the timers.
pub(super) fn discard<T>(garbage: T) {
    drop(catch_unwind(AssertUnwindSafe(|| drop(garbage))));
}
