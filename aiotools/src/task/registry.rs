//! Where the open nodes are found by `dump`: under the node around them, or, with none around them, in a list of the process.
//!
//! The list is cut into shards by thread, and is touched when a top-level group opens and when it ends, never when a child does
//! anything. Nothing of it is kept under loom.

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
        shard(node)
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(Arc::clone(node));
    }

    pub(super) fn remove(node: &Arc<Node>) {
        let mut nodes = shard(node).lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(at) = nodes.iter().position(|other| Arc::ptr_eq(other, node)) {
            let removed = nodes.swap_remove(at);
            drop(nodes);
            drop(removed);
        }
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

/// The node is open.
pub(crate) fn add(node: &Arc<Node>) {
    match &node.parent {
        Some(parent) => lock(&parent.inner).subs.push(Arc::clone(node)),
        None => roots::add(node),
    }
}

/// The node has ended.
pub(crate) fn remove(node: &Arc<Node>) {
    let Some(parent) = &node.parent else {
        return roots::remove(node);
    };
    let removed = {
        let subs = &mut lock(&parent.inner).subs;
        subs.iter()
            .position(|sub| Arc::ptr_eq(sub, node))
            .map(|at| subs.swap_remove(at))
    };
    drop(removed);
}

/// All open nodes that have none around them, oldest first.
pub(crate) fn roots() -> Vec<Arc<Node>> {
    roots::all()
}
