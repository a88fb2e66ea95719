//! Where the open nodes are found by `dump`: under the node around them, or, with none around them, in a list of the process.
//!
//! The list is cut into shards by thread, and is touched when a top-level group opens and when it ends, never when a child does
//! anything. Nothing of it is kept under loom.

use std::sync::atomic::Ordering::Relaxed;

use super::{
    node::Node,
    sync::{Arc, lock},
};

#[cfg(not(aiotools_loom))]
mod roots {
    use std::sync::{Arc, Mutex, PoisonError};

    use super::Node;

    const SHARDS: usize = 64;
    static ROOTS: [Mutex<Vec<Arc<Node>>>; SHARDS] = [const { Mutex::new(Vec::new()) }; SHARDS];

    fn shard(node: &Node) -> &'static Mutex<Vec<Arc<Node>>> {
        // Nodes are allocated at multiples of their size class, so the low bits say nothing.
        &ROOTS[(std::ptr::from_ref(node).addr() >> 7) % SHARDS]
    }

    pub(super) fn add(node: &Arc<Node>) {
        super::push(
            &mut shard(node).lock().unwrap_or_else(PoisonError::into_inner),
            node,
        );
    }

    pub(super) fn remove(node: &Arc<Node>) {
        let removed = super::take(
            &mut shard(node).lock().unwrap_or_else(PoisonError::into_inner),
            node,
        );
        drop(removed);
    }

    pub(super) fn all() -> Vec<Arc<Node>> {
        let mut all = Vec::new();
        for shard in &ROOTS {
            all.extend(
                shard
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .iter()
                    .cloned(),
            );
        }
        all.sort_by_key(|node| node.born);
        all
    }
}

#[cfg(aiotools_loom)]
mod roots {
    use super::{Arc, Node};

    pub(super) fn add(_: &Arc<Node>) {}
    pub(super) fn remove(_: &Arc<Node>) {}
    pub(super) fn all() -> Vec<Arc<Node>> {
        Vec::new()
    }
}

/// Adds a node to a list, whose lock is held.
fn push(nodes: &mut Vec<Arc<Node>>, node: &Arc<Node>) {
    node.place.store(nodes.len(), Relaxed);
    nodes.push(Arc::clone(node));
}

/// Takes a node out of a list, whose lock is held, if it is there; in a time that does not grow with the list.
fn take(nodes: &mut Vec<Arc<Node>>, node: &Arc<Node>) -> Option<Arc<Node>> {
    let place = node.place.load(Relaxed);
    if !nodes
        .get(place)
        .is_some_and(|there| Arc::ptr_eq(there, node))
    {
        return None;
    }
    let taken = nodes.swap_remove(place);
    if let Some(moved) = nodes.get(place) {
        moved.place.store(place, Relaxed);
    }
    Some(taken)
}

/// The node is open.
pub(crate) fn add(node: &Arc<Node>) {
    match &node.parent {
        Some(parent) => push(&mut lock(&parent.inner).subs, node),
        None => roots::add(node),
    }
}

/// The node has ended.
pub(crate) fn remove(node: &Arc<Node>) {
    let Some(parent) = &node.parent else {
        return roots::remove(node);
    };
    let removed = take(&mut lock(&parent.inner).subs, node);
    drop(removed);
}

/// All open nodes that have none around them, oldest first.
pub(crate) fn roots() -> Vec<Arc<Node>> {
    roots::all()
}
