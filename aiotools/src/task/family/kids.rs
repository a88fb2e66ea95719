//! What a group keeps of its children, under one lock.

use std::{
    collections::{HashMap, VecDeque},
    ptr::NonNull,
    task::Waker,
};

use super::super::{
    children::{Children, Head},
    failures::Failures,
    node::Node,
    queue::Queue,
    sync::Arc,
};

/// What is kept of the children of one group, under one lock.
#[derive(Default)]
pub(super) struct Kids {
    pub(super) parked: Children,
    /// Children that ended, in that order, where the policy asks for it.
    pub(super) finished: VecDeque<u32>,
    // What few groups need is apart, since every group has a `Kids`.
    pub(super) failures: Option<Box<Failures>>,
    pub(super) known: Option<Box<Known>>,
    pub(super) queue: Option<Box<Queue>>,
    /// Single children whose grace has to be timed by the one who drives the group.
    pub(super) graces: Vec<Arc<Node>>,
}

/// The children that somebody knows by their number.
#[derive(Default)]
pub(super) struct Known {
    /// The nodes of the children that have one.
    nodes: HashMap<u32, Arc<Node>>,
    /// The parked children by number, once somebody has asked for one by its number.
    pub(super) index: Option<HashMap<u32, NonNull<Head>>>,
}

#[expect(
    unsafe_code,
    reason = "the index holds pointers into the list, under the same rules"
)]
// SAFETY: as for `Children`: the heads are reached only through the lock that this lives under.
unsafe impl Send for Known {}

impl Known {
    /// A child parks.
    #[cold]
    #[inline(never)]
    fn note(&mut self, head: &Head) {
        if let Some(index) = &mut self.index {
            index.insert(head.seq, NonNull::from(head));
        }
    }

    /// A child parks no longer.
    #[cold]
    #[inline(never)]
    fn strike(&mut self, seq: u32) {
        if let Some(index) = &mut self.index {
            index.remove(&seq);
        }
    }
}

impl Kids {
    #[expect(unsafe_code, reason = "links the head of a pinned child")]
    #[inline]
    pub(super) fn link(&mut self, head: &Head, waker: Waker) {
        // SAFETY: the head is pinned (it is being polled), not linked, belongs to this group, and its future unlinks it before it goes.
        unsafe { self.parked.link(head, waker) };
        if let Some(known) = &mut self.known {
            known.note(head);
        }
    }

    #[expect(unsafe_code, reason = "unlinks the head of a child")]
    #[inline]
    pub(super) fn unlink(&mut self, head: &Head) -> Option<Waker> {
        // SAFETY: it belongs to this group, whose lock is held.
        let waker = unsafe { self.parked.unlink(head) };
        if let Some(known) = &mut self.known {
            known.strike(head.seq);
        }
        waker
    }

    /// The parked child of this number.
    pub(super) fn parked(&mut self, seq: u32) -> Option<NonNull<Head>> {
        let known = self.known.get_or_insert_default();
        let index = known.index.get_or_insert_with(|| {
            let mut index = HashMap::new();
            self.parked.for_each(|head| {
                index.insert(head.seq, NonNull::from(head));
            });
            index
        });
        index.get(&seq).copied()
    }

    pub(super) fn node(&self, seq: u32) -> Option<&Arc<Node>> {
        self.known.as_ref()?.nodes.get(&seq)
    }

    pub(super) fn set_node(&mut self, seq: u32, node: &Arc<Node>) {
        let known = self.known.get_or_insert_default();
        known.nodes.insert(seq, Arc::clone(node));
    }

    pub(super) fn remove_node(&mut self, seq: u32) -> Option<Arc<Node>> {
        self.known.as_mut()?.nodes.remove(&seq)
    }

    /// The nodes of all children that have one, with their numbers.
    pub(super) fn nodes(&self) -> Vec<(u32, Arc<Node>)> {
        let nodes = self.known.iter().flat_map(|known| &known.nodes);
        nodes.map(|(seq, node)| (*seq, Arc::clone(node))).collect()
    }
}
