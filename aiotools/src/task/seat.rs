//! [`Seat`]: where a future of this library sits in the task that polls it.
//!
//! A group, a timeout, a `catch_cancel` region: each is a node of the tree, and needs to be polled again whenever something is asked of a
//! node around it, even where it is polled by a waker of its own (in `join_all`, say). So each one leaves its waker with the
//! root of its task, and takes it back when it goes.

use std::task::Waker;

use super::{
    current,
    node::Node,
    registry,
    sync::{Arc, lock},
};

/// A node, and the waker that its future has left with the root of the task.
pub(crate) struct Seat {
    pub(crate) node: Arc<Node>,
    key: Option<usize>,
    gone: bool,
    deliveries_before: u64,
}

impl Seat {
    /// Sits down: the node is from now on part of the tree.
    #[inline]
    pub(crate) fn new(node: Node) -> Self {
        let node = Arc::new(node);
        registry::add(&node);
        let deliveries_before = node.deliveries_around();
        Self {
            node,
            key: None,
            gone: false,
            deliveries_before,
        }
    }

    /// Leaves the waker, for changes of this node and for all that is asked of the nodes around it.
    pub(crate) fn watch(&mut self, waker: &Waker) {
        self.node.set_host(waker);
        let root = self.node.root();
        if !Arc::ptr_eq(root, &self.node) {
            lock(&root.inner).waiters.set(&mut self.key, waker);
        }
    }

    /// What was inside is cut: see [`Node::redeliver`].
    pub(crate) fn cut(&self) {
        self.node.redeliver(self.deliveries_before);
    }

    /// Runs `call` with this node as the current one.
    pub(crate) fn enter<R>(&self, call: impl FnOnce() -> R) -> R {
        current::enter(&self.node, call)
    }

    /// Stands up: what is still alive in the node is waited for by whoever is around it.
    pub(crate) fn leave(&mut self) {
        if std::mem::replace(&mut self.gone, true) {
            return;
        }
        let root = self.node.root();
        let waker = lock(&root.inner).waiters.remove(&mut self.key);
        drop(waker);
        self.node.clear_host();
        self.node.orphan(self.node.parent.clone());
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.leave();
    }
}

/// A waker left with a node by somebody who waits for it.
#[derive(Default)]
pub(crate) struct Waiting {
    at: Option<(Arc<Node>, Option<usize>)>,
}

impl Waiting {
    /// Leaves the waker with `node`; look at its state after this, not before.
    pub(crate) fn watch(&mut self, node: &Arc<Node>, waker: &Waker) {
        let (_, key) = self.at.get_or_insert_with(|| (Arc::clone(node), None));
        lock(&node.inner).waiters.set(key, waker);
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if let Some((node, mut key)) = self.at.take() {
            let waker = lock(&node.inner).waiters.remove(&mut key);
            drop(waker);
        }
    }
}
