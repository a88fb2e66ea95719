//! What a group keeps of its children, under one lock.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
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
    /// The nodes of the children that have one, by number.
    nodes: Option<BTreeMap<u32, Arc<Node>>>,
    // What few groups need is apart, since every group has a `Kids`.
    pub(super) failures: Option<Box<Failures>>,
    index: Option<Box<Index>>,
    pub(super) queue: Option<Box<Queue>>,
    /// Single children whose grace has to be timed by the one who drives the group.
    pub(super) graces: Vec<Arc<Node>>,
}

/// The parked children by number, once somebody has asked for one by its number.
#[derive(Default)]
struct Index(HashMap<u32, NonNull<Head>>);

#[expect(
    unsafe_code,
    reason = "the index holds pointers into the list, under the same rules"
)]
// SAFETY: as for `Children`: the heads are reached only through the lock that this lives under.
unsafe impl Send for Index {}

impl Index {
    #[cold]
    #[inline(never)]
    fn add(&mut self, head: &Head) {
        self.0.insert(head.seq, NonNull::from(head));
    }

    #[cold]
    #[inline(never)]
    fn remove(&mut self, seq: u32) {
        self.0.remove(&seq);
    }
}

impl Kids {
    pub(super) fn new(queue: Option<Queue>) -> Self {
        Self {
            queue: queue.map(Box::new),
            ..Self::default()
        }
    }

    #[expect(unsafe_code, reason = "links the head of a pinned child")]
    #[inline]
    pub(super) fn link(&mut self, head: &Head, waker: Waker) {
        // SAFETY: the head is pinned (it is being polled), not linked, belongs to this group, and its future unlinks it before it goes.
        unsafe { self.parked.link(head, waker) };
        if let Some(index) = &mut self.index {
            index.add(head);
        }
    }

    #[expect(unsafe_code, reason = "unlinks the head of a child")]
    #[inline]
    pub(super) fn unlink(&mut self, head: &Head) -> Option<Waker> {
        // SAFETY: it belongs to this group, whose lock is held.
        let waker = unsafe { self.parked.unlink(head) };
        if let Some(index) = &mut self.index {
            index.remove(head.seq);
        }
        waker
    }

    /// Sets all children that are parked now apart, to be woken.
    pub(super) fn drain(&mut self) {
        self.parked.drain();
        self.index = None;
    }

    /// The parked child of this number.
    pub(super) fn parked(&mut self, seq: u32) -> Option<NonNull<Head>> {
        let index = self.index.get_or_insert_with(|| {
            let mut index = Box::<Index>::default();
            self.parked.for_each(|head| index.add(head));
            index
        });
        index.0.get(&seq).copied()
    }

    pub(super) fn node(&self, seq: u32) -> Option<&Arc<Node>> {
        self.nodes.as_ref()?.get(&seq)
    }

    pub(super) fn set_node(&mut self, seq: u32, node: &Arc<Node>) {
        let nodes = self.nodes.get_or_insert_default();
        nodes.insert(seq, Arc::clone(node));
    }

    pub(super) fn remove_node(&mut self, seq: u32) -> Option<Arc<Node>> {
        self.nodes.as_mut()?.remove(&seq)
    }

    /// The nodes of all children that have one, with their numbers, in the order of these.
    pub(super) fn nodes(&self) -> Vec<(u32, Arc<Node>)> {
        let nodes = self.nodes.iter().flatten();
        nodes.map(|(seq, node)| (*seq, Arc::clone(node))).collect()
    }
}
