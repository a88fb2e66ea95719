//! Who waits for whom in `cancel_and_wait`, so that none waits for itself.
//!
//! The end of a task needs the end of all that runs inside it, and of all that is waited for in there. A wait that would close a circle
//! of such needs is refused.
//!
//! 1. A wait is noted with the task that waits, and with every task around that one, *before* it is looked for a circle. So of the waits
//!    that make a circle the last one to be noted sees it, and of two that come at the same moment at least one.
//! 2. It is taken out of all of them when its [`Wait`] is dropped.

use std::collections::{HashMap, hash_map::Entry};

use super::{
    node::{Kind, Node},
    sync::{Arc, lock},
};

/// What is waited for inside a task. Boxed, since few tasks wait for any.
#[derive(Default)]
pub(crate) struct Waits(Option<Box<Targets>>);

/// The targets by their addresses, each with how often it is waited for.
type Targets = HashMap<usize, (Arc<Node>, usize)>;

impl Waits {
    fn add(&mut self, target: &Arc<Node>) {
        let waits = self.0.get_or_insert_default();
        let known = waits.entry(key(target));
        known.or_insert_with(|| (Arc::clone(target), 0)).1 += 1;
    }

    fn remove(&mut self, target: &Arc<Node>) {
        let Some(waits) = &mut self.0 else { return };
        if let Some((_, times)) = waits.get_mut(&key(target)) {
            *times -= 1;
            if *times == 0 {
                waits.remove(&key(target));
            }
        }
        if waits.is_empty() {
            self.0 = None;
        }
    }

    fn targets(&self) -> impl Iterator<Item = Arc<Node>> {
        let waits = self.0.iter().flat_map(|waits| waits.values());
        waits.map(|(target, _)| Arc::clone(target))
    }
}

fn key(node: &Arc<Node>) -> usize {
    Arc::as_ptr(node).addr()
}

/// A wait for the end of a task, as long as this lives.
pub(crate) struct Wait {
    /// Those that cannot end before the wait does, innermost first.
    tasks: Vec<Arc<Node>>,
    target: Arc<Node>,
}

impl Wait {
    /// Begins to wait inside `here`; none if that would be to wait for oneself.
    pub(crate) fn begin(here: &Arc<Node>, target: &Arc<Node>) -> Option<Self> {
        let around = std::iter::successors(Some(here), |node| node.parent.as_ref());
        let tasks = around.filter(|node| node.kind == Kind::Task).cloned();
        let wait = Self {
            tasks: tasks.collect(),
            target: Arc::clone(target),
        };
        for task in &wait.tasks {
            lock(&task.inner).waits.add(target);
        }
        (!wait.closes_a_circle()).then_some(wait)
    }

    /// Whether the end of the target needs the end of one of the tasks.
    fn closes_a_circle(&self) -> bool {
        let mut seen = HashMap::new();
        let mut next = vec![Arc::clone(&self.target)];
        while let Some(node) = next.pop() {
            if self.tasks.iter().any(|task| Arc::ptr_eq(task, &node)) {
                return true;
            }
            if let Entry::Vacant(new) = seen.entry(key(&node)) {
                next.extend(lock(&node.inner).waits.targets());
                // Kept, so that no other node can come to be at its address.
                new.insert(node);
            }
        }
        false
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        for task in &self.tasks {
            lock(&task.inner).waits.remove(&self.target);
        }
    }
}
